/** `fungi serve`: the REST server, until it is told to stop. */
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { exposedSecrets, readSettings, shownSettings } from '../../server/configuration/read-settings.js';
import { optionOf, SETTING_NAMES, SETTINGS, type SettingName } from '../../server/configuration/settings.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { addCommonOptions } from '../options.js';

interface ServeFlags extends CommonOptions, Readonly<Partial<Record<SettingName, string>>> {
  readonly indexes?: string;
  readonly config?: string;
  readonly printConfig?: boolean;
}

export function addServe(program: Command, run: Run): void {
  const command = addCommonOptions(program.command('serve'))
    .description('serve the indexes over HTTP: REST, an OpenAI-compatible proxy, metrics')
    .option('--config <file>', 'YAML file of settings; an option goes before the environment, that before the file')
    .option('--print-config', 'print the settings, secrets masked, and end', false);
  for (const name of SETTING_NAMES) {
    const shown = defaultOf(name);
    command.option(
      `--${optionOf(name)} <value>`,
      `${SETTINGS[name].description}${shown === '' ? '' : ` (default: ${shown})`}`,
    );
  }
  command
    .addHelpText(
      'after',
      `
Examples:
  fungi serve --indexes ./indexes --preload bank
  FUNGI_PORT=9000 fungi serve --config fungi.yaml
  fungi serve --host 0.0.0.0 --api-keys "team:write:$SHA256"
  curl -s localhost:8420/v1/indexes/bank/retrieve -H 'content-type: application/json' -d '{"query": "my card has not arrived"}'`,
    )
    // --indexes may stand before the command, as with all others.
    .action((flags: ServeFlags) =>
      run(flags, (context) => serve(context, { ...program.opts<ServeFlags>(), ...flags })),
    );
}

/** As an option would say it; empty where there is none. */
function defaultOf(name: SettingName): string {
  const value: unknown = SETTINGS[name].schema.parse(undefined);
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  return Array.isArray(value) ? value.join(',') : '';
}

async function serve(context: Context, { config, printConfig = false, ...options }: ServeFlags): Promise<Report> {
  const { effects } = context;
  const settings = await readSettings({ options, environment: effects.env, file: config });
  const shown = shownSettings(settings);
  if (printConfig) return { text: stringify(shown).trimEnd(), json: shown };
  const { createLog } = await import('../../server/http/log.js');
  const { startServer } = await import('../../server/start.js');
  const log = createLog(settings.logLevel);
  log.info({ settings: shown }, 'starting');
  for (const option of exposedSecrets(options)) {
    log.warn(
      { option },
      'a secret was given as an option, which every user of the machine can see: use the environment or a file',
    );
  }
  // From before it says that it listens: who reads that may ask it to stop at once.
  const stopped = effects.untilStopped?.();
  const server = await startServer(settings, log, effects.env);
  await stopped;
  await server.stop();
  return { text: '', json: { url: server.url } };
}
