/** A stand-in for the data sets of a Hugging Face hub on 127.0.0.1: listing, redirect to the file, ranges, faults on demand. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export class DatasetServer {
  /** Files by `id/config/split`. */
  readonly splits = new Map<string, Uint8Array[]>();
  readonly seen: { url: string; range: string | undefined; authorization: string | undefined }[] = [];
  /** One for each coming request of a file: takes it over in place of the usual answer. */
  readonly faults: Handler[] = [];
  /** Answers requests of a listing with this status. */
  refuse: number | undefined;
  /** Origin of the addresses in the listing, when not this server's. */
  listedOrigin: string | undefined;
  /** The listing as it stands, in place of one made of the files. */
  forged: string | undefined;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<DatasetServer> {
    const server = createServer();
    const stand = new DatasetServer(server);
    server.on('request', (request, response) => {
      stand.answer(request, response);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return stand;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  private listing(id: string): object | undefined {
    const found: Record<string, Record<string, string[]>> = {};
    for (const [key, files] of this.splits) {
      if (!key.startsWith(`${id}/`)) continue;
      const [config, split] = key.slice(id.length + 1).split('/') as [string, string];
      const base = `${this.listedOrigin ?? this.endpoint}/api/datasets/${id}/parquet/${config}/${split}`;
      (found[config] ??= {})[split] = files.map((_, i) => `${base}/${i}.parquet`);
    }
    return Object.keys(found).length === 0 ? undefined : found;
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { range, authorization } = request.headers;
    this.seen.push({ url: request.url!, range, authorization });
    const listed = /^\/api\/datasets\/([^/]+(?:\/[^/]+)?)\/parquet$/.exec(request.url!)?.[1];
    if (listed !== undefined) {
      const listing = this.forged ?? (this.listing(listed) && JSON.stringify(this.listing(listed)));
      response.writeHead(this.refuse ?? (listing === undefined ? 404 : 200)).end(listing ?? '{}');
      return;
    }
    const fault = this.faults.shift();
    if (fault !== undefined) {
      fault(request, response);
      return;
    }
    // As the hub does: the address of the listing leads to the file on the branch of conversions, which states the digest.
    const [, key, file] = /^\/(?:api\/datasets|files)\/(.+)\/(\d+)\.parquet$/.exec(request.url!) ?? [];
    const data = this.splits.get(key?.replace('/parquet/', '/') ?? '')?.[Number(file)];
    if (data === undefined) {
      response.writeHead(404).end();
    } else if (request.url!.startsWith('/api/')) {
      const etag = createHash('sha256').update(data).digest('hex');
      const location = `/files/${key!.replace('/parquet/', '/')}/${file!}.parquet`;
      response.writeHead(302, { location, 'x-linked-etag': `"${etag}"`, 'x-linked-size': data.length }).end();
    } else {
      const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
      if (from > 0) response.setHeader('content-range', `bytes ${from}-${data.length - 1}/${data.length}`);
      response.writeHead(from > 0 ? 206 : 200, { 'content-length': data.length - from }).end(data.subarray(from));
    }
  }
}
