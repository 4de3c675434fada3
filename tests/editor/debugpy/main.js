// Does what Microsoft's extension does around debugpy, as far as the order matters (read in its
// launch.ts, base.ts and helper.ts): the interpreter is chosen when the configuration is resolved,
// before the preLaunchTask; `.env` is read once its variables are substituted, which is after that
// task, and a missing file is not an error.
const { existsSync, readFileSync, writeFileSync } = require('fs');
const { debug, DebugAdapterExecutable, DebugAdapterServer } = require('vscode');

const SYSTEM = '/usr/bin/python3';

// NAME=VALUE, with the quotation marks that the extension strips. It supports more; azup writes
// only this.
function variables(file) {
  const found = {};
  if (!existsSync(file)) return found;
  for (const line of readFileSync(file, 'utf8').split(/\r?\n/)) {
    const [, name, value] = line.match(/^\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/) ?? [];
    if (name) found[name] = value.replace(/^(['"])(.*)\1$/, '$2');
  }
  return found;
}

exports.activate = (context) => {
  const provider = {
    resolveDebugConfiguration(folder, configuration) {
      const own = folder && `${folder.uri.fsPath}/.venv/bin/python`;
      configuration.python ??= own && existsSync(own) ? own : SYSTEM;
      return configuration;
    },
    resolveDebugConfigurationWithSubstitutedVariables(folder, configuration) {
      if (!folder || configuration.request === 'attach') return configuration;
      const file = configuration.envFile ?? `${folder.uri.fsPath}/.env`;
      configuration.env = { ...variables(file), ...configuration.env };
      configuration.cwd ??= folder.uri.fsPath;
      return configuration;
    },
  };
  const factory = {
    // A program that waits for a debugger has an adapter of its own.
    createDebugAdapterDescriptor: ({ configuration: { request, connect } }) =>
      request === 'attach'
        ? new DebugAdapterServer(connect.port, connect.host)
        : new DebugAdapterExecutable(SYSTEM, [`${process.env.AZUP_EDITOR_DEBUGPY}/debugpy/adapter`]),
  };
  context.subscriptions.push(
    debug.registerDebugConfigurationProvider('debugpy', provider),
    debug.registerDebugAdapterDescriptorFactory('debugpy', factory),
  );
  // Extensions are started last of all.
  writeFileSync(process.env.AZUP_EDITOR_READY, '');
};
