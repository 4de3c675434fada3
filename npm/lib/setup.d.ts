/** A global set-up: one Azurite for the whole run. */
declare function setup(): Promise<() => Promise<void>>;
export default setup;
