/** `fungi keys`: API keys of the server, which keeps their digests only. */
import { Option, type Command } from 'commander';
import type { ApiKey } from '../../server/keys/key-ring.js';
import { SCOPES, type Scope } from '../../server/route.js';
import type { CommonOptions, Report, Run } from '../context.js';
import { addCommonOptions } from '../options.js';

interface KeyFlags extends CommonOptions {
  readonly scope: Scope;
}

export function addKeys(program: Command, run: Run): void {
  const keys = program.command('keys').description('API keys for `fungi serve`');
  addCommonOptions(keys.command('create'))
    .description('make a key, and the line of configuration that lets it in')
    .argument('<name>', 'what the key is called in logs')
    .addOption(new Option('--scope <scope>', 'what it may do').choices([...SCOPES]).default('read'))
    .addHelpText('after', '\nExamples:\n  fungi keys create team\n  fungi keys create ingest --scope write --json')
    .action((name: string, flags: KeyFlags) => run(flags, () => create(name, flags.scope)));
}

async function create(name: string, scope: Scope): Promise<Report> {
  const { generateKey, hashKey } = await import('../../server/keys/hash.js');
  const { KeyRing } = await import('../../server/keys/key-ring.js');
  const key = generateKey();
  const entry: ApiKey = { name, scope, sha256: hashKey(key) };
  new KeyRing([entry]); // refuses a name that is none
  const text = `key, shown this once:\n  ${key}\nlet it in, in the configuration:\n  apiKeys:\n    - ${JSON.stringify(entry)}\nor in the environment:\n  FUNGI_API_KEYS=${name}:${scope}:${entry.sha256}`;
  return { text, json: { key, ...entry } };
}
