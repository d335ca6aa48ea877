/** A stand-in for a Hugging Face hub on 127.0.0.1, with a storage server that files are redirected to, and faults on demand. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface SeenRequest {
  readonly url: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export class HubServer {
  /** Files of the repositories, by `id/name`. */
  readonly files = new Map<string, Buffer>();
  readonly seen: SeenRequest[] = [];
  /** One for each coming request of a file: takes it over in place of the usual answer. */
  readonly faults: Handler[] = [];
  /** Answers all requests of the listing with this status. */
  refuse: number | undefined;
  /** Large files go through a redirect to the storage server, as on the real hub. */
  redirect = false;
  ranges = true;
  /** What the listing says beside the files. */
  listing: Record<string, unknown> = { sha: 'a'.repeat(40), cardData: { license: 'mit' } };
  /** Names the listing holds beside those of the files. */
  forged: readonly string[] = [];
  /** Whether the listing states sizes, and digests as of files in large file storage. */
  describes = false;
  /** The only revision that files are served at. */
  revision = 'a'.repeat(40);
  /** Digest stated in x-linked-etag, when not the true one. */
  statedDigest: string | undefined;

  private constructor(
    private readonly hub: Server,
    private readonly storage: Server,
  ) {}

  static async start(): Promise<HubServer> {
    const [hub, storage] = [createServer(), createServer()];
    const server = new HubServer(hub, storage);
    hub.on('request', (request, response) => {
      server.answer(request, response);
    });
    storage.on('request', (request, response) => {
      server.see(request);
      server.send(request, response, server.files.get(decodeURIComponent(request.url!.slice(1)))!);
    });
    await Promise.all([hub, storage].map((s) => new Promise<void>((done) => s.listen(0, '127.0.0.1', done))));
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.hub.address() as AddressInfo).port}`;
  }

  /** Requests of files, without those of the listing. */
  get downloads(): SeenRequest[] {
    return this.seen.filter(({ url }) => !url.startsWith('/api/'));
  }

  add(id: string, files: Readonly<Record<string, Uint8Array | string>>): void {
    for (const [name, data] of Object.entries(files)) this.files.set(`${id}/${name}`, Buffer.from(data));
  }

  async stop(): Promise<void> {
    for (const server of [this.hub, this.storage]) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  }

  private stated(key: string): object {
    const data = this.files.get(key)!;
    const sha256 = createHash('sha256').update(data).digest('hex');
    return this.describes ? { size: data.length, lfs: { sha256 } } : {};
  }

  private see({ url, headers }: IncomingMessage): void {
    this.seen.push({ url: url!, range: headers.range, authorization: headers.authorization });
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    this.see(request);
    const url = new URL(request.url!, this.endpoint);
    const listed = /^\/api\/models\/(.+)$/.exec(url.pathname)?.[1];
    if (listed !== undefined) {
      const siblings = [...this.files.keys()].filter((key) => key.startsWith(`${listed}/`));
      const status = this.refuse ?? (siblings.length === 0 ? 404 : 200);
      const names = siblings.map((key) => ({ rfilename: key.slice(listed.length + 1), ...this.stated(key) }));
      const body = { ...this.listing, siblings: [...names, ...this.forged.map((rfilename) => ({ rfilename }))] };
      response.writeHead(status).end(status === 200 ? JSON.stringify(body) : '{}');
      return;
    }
    const fault = this.faults.shift();
    if (fault !== undefined) {
      fault(request, response);
      return;
    }
    const key = decodeURIComponent(url.pathname.slice(1)).replace(`/resolve/${this.revision}/`, '/');
    const data = this.files.get(key);
    if (data === undefined) {
      response.writeHead(404).end();
      return;
    }
    const sha256 = this.statedDigest ?? createHash('sha256').update(data).digest('hex');
    if (!this.redirect) {
      response.setHeader('etag', `"${sha256}"`);
      this.send(request, response, data);
      return;
    }
    const location = `http://127.0.0.1:${(this.storage.address() as AddressInfo).port}/${encodeURIComponent(key)}`;
    response.writeHead(302, { location, 'x-linked-etag': `"${sha256}"`, 'x-linked-size': data.length }).end();
  }

  /** The whole file, or its rest from the start of the range on. */
  private send(request: IncomingMessage, response: ServerResponse, data: Buffer): void {
    const from = this.ranges ? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0;
    if (from >= data.length && from > 0) {
      response.writeHead(416, { 'content-range': `bytes */${data.length}` }).end();
      return;
    }
    if (from > 0) response.setHeader('content-range', `bytes ${from}-${data.length - 1}/${data.length}`);
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': data.length - from }).end(data.subarray(from));
  }
}

/** Promises `claimed` bytes, sends `data` and breaks the connection. */
export const breakAfter =
  (data: Uint8Array, claimed: number): Handler =>
  (_, response) => {
    response.writeHead(200, { 'content-length': claimed });
    response.write(data, () => setTimeout(() => response.destroy(), 20));
  };

export const status =
  (code: number, headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    response.writeHead(code, headers).end();
  };

/** Takes the request and never answers. */
export const silence: Handler = () => undefined;
