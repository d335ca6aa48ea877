/** `fungi serve` as a process of its own, to be killed, stopped and read from outside. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Place } from '../../selector/support.js';

const ROOT = join(import.meta.dirname, '../../..');
const START_MS = 60_000;

export interface ServeOptions {
  /** Beyond those that name the place. */
  readonly options?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What it has to say before it counts as started. @default preloaded */
  readonly until?: 'listening' | 'preloaded';
  /** A process group of its own, for {@link ServerProcess.signalGroup}. @default false */
  readonly hasOwnGroup?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export class ServerProcess {
  /** Everything that it wrote to its standard output and error. */
  output = '';
  private readonly ended: Promise<readonly [code: number | null, signal: string | null]>;

  private constructor(
    private readonly child: ChildProcess,
    public url: string,
  ) {
    this.ended = once(child, 'exit') as Promise<[number | null, string | null]>;
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.output += text));
  }

  /** Settles when its log has a line of `until`. */
  static async start(place: Place, settings: ServeOptions = {}): Promise<ServerProcess> {
    const { options = [], environment = {}, until = 'preloaded', hasOwnGroup = false } = settings;
    const { indexes, encoder } = place.options('any');
    const given = ['--port', '0', '--indexes', indexes!, '--encoders', `tiny=${encoder}`, '--threads', '1', ...options];
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', 'serve', ...given], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: hasOwnGroup,
      env: { ...ownEnvironment(), FUNGI_CACHE: join(place.folder, 'cache'), FUNGI_OFFLINE: '1', ...environment },
    });
    const server = new ServerProcess(child, '');
    await server.says(until);
    server.url = server.log().find(({ msg }) => msg === 'listening')!['url'] as string;
    return server;
  }

  get pid(): number {
    return this.child.pid!;
  }

  post(path: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const init = { method: 'POST', body: JSON.stringify(body) };
    return this.ask(path, { ...init, headers: { 'Content-Type': 'application/json', ...headers } });
  }

  async ask(path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(this.url + path, init);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async text(path: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
    return (await fetch(this.url + path, { headers })).text();
  }

  /** Lines of its log. */
  log(): Record<string, unknown>[] {
    return this.output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as never] : []));
  }

  /** Of the model processes that it has now. */
  async modelPids(): Promise<number[]> {
    const all = await readdir('/proc');
    const pids = all.filter((name) => /^\d+$/.test(name)).map(Number);
    const own = await Promise.all(pids.map((pid) => isModelOf(this.pid, pid)));
    return pids.filter((_, i) => own[i]);
  }

  signal(name: 'SIGKILL' | 'SIGTERM'): void {
    this.child.kill(name);
  }

  /** As a terminal's Ctrl-C, or who stops a service by its group: the model processes get it too. */
  signalGroup(name: 'SIGINT' | 'SIGTERM'): void {
    process.kill(-this.pid, name);
  }

  end(): Promise<readonly [code: number | null, signal: string | null]> {
    return this.ended;
  }

  /** Ends it, whatever state it is in. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  private async says(msg: string): Promise<void> {
    const deadline = AbortSignal.timeout(START_MS);
    const exited = this.ended.then(() => true);
    while (!this.log().some((line) => line['msg'] === msg)) {
      const data = once(this.child.stdout!, 'data', { signal: deadline }).then(() => false);
      if (await Promise.race([exited, data])) throw new Error(`the server ended before "${msg}":\n${this.output}`);
    }
  }
}

async function isModelOf(parent: number, pid: number): Promise<boolean> {
  try {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8');
    const ppid = Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1]);
    return ppid === parent && (await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes('workers/child');
  } catch {
    return false; // it has ended meanwhile
  }
}

/** Without what a developer's shell may have set for servers and endpoints. */
const ownEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(FUNGI_|OPENAI_)/.test(name)));

/** What `work` does for each server that it starts with {@link ServerProcess.start}; none of them outlives it. */
export async function withServers<T>(
  place: Place,
  work: (start: (options?: ServeOptions) => Promise<ServerProcess>) => Promise<T>,
): Promise<T> {
  const started: ServerProcess[] = [];
  try {
    return await work(async (options) => {
      const server = await ServerProcess.start(place, options);
      started.push(server);
      return server;
    });
  } finally {
    await Promise.all(started.map((server) => server.kill()));
  }
}
