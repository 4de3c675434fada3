/** An Azurite that answers over HTTPS, and what code needs to use it. */
export interface Azurite extends AsyncDisposable {
  /** The account's URL of the blob service. */
  readonly blob: string;
  readonly queue: string;
  readonly table: string;
  readonly account: string;
  readonly key: string;
  readonly connectionString: string;
  /** The file with the CA, in PEM. */
  readonly ca: string;
  /** The variables of `azup env`; null means unset. */
  readonly environment: Readonly<Record<string, string | null>>;
  /** The document of `azup up --json`. */
  readonly document: Readonly<Record<string, unknown>>;
  /** All that Azurite has written to its log. */
  log(): string;
  /** Throws, with the last lines of the log, if Azurite has ended. */
  assertRunning(): void;
  /** Sets the variables for this process and its children, and trusts the CA here. */
  use(): this;
  /** Ends Azurite, and restores the variables. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Further options of `azup up`, such as `--location=DIR`. */
  options?: string[];
  /** Whether to set process.env and trust the CA in this process (default: true). */
  use?: boolean;
}

/** Starts a separate Azurite: in memory, on free ports, gone with this process. */
export function startAzurite(options?: StartOptions): Promise<Azurite>;
