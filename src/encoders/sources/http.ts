/** Requests to a model hub: redirects followed by hand, failures sorted into "try again" and "give up". */
import { FungiError } from '../../core/errors.js';
import { realEffects, type SourceOptions } from './options.js';

const MAX_REDIRECTS = 5;
const DEFAULT_TIMEOUT_MS = 60_000;

/** A failure that the same request may not meet again. */
export class TransientError extends Error {
  constructor(
    message: string,
    /** What the server asked to wait. */
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface HubResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Digest the hub states for the file, when it is a sha256; not the storage server's own tag, which may be of another kind. */
  readonly sha256: string | undefined;
  /** Size the hub states for the whole file. */
  readonly size: number | undefined;
  /** What arrives, piece by piece; must be read to its end or discarded. @throws {@link TransientError} */
  body(): AsyncGenerator<Uint8Array>;
  discard(): Promise<void>;
}

/**
 * GETs `url` from the hub. Redirects are followed here because the hub states a file's digest in the redirect itself, and so
 * that the token never goes to another origin.
 *
 * @throws {FungiError} MODEL_NOT_FOUND on 401, 403 and 404, DOWNLOAD_FAILED on what no retry can mend; {@link TransientError}
 */
export async function hubGet(url: string, what: string, options: SourceOptions, range?: string): Promise<HubResponse> {
  const fetch = options.effects?.fetch ?? realEffects.fetch;
  if (!/^https?:/.test(url) || !URL.canParse(url)) {
    throw new FungiError('INVALID_ARGUMENT', `the hub's address "${options.hubEndpoint}" is not an http or https URL`, {
      hint: 'Set HF_ENDPOINT to one, such as https://huggingface.co, or unset it.',
    });
  }
  const watch = new Watch(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  let address = new URL(url);
  const home = address.origin;
  let [sha256, size]: [string | undefined, number | undefined] = [undefined, undefined];
  try {
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const atHome = address.origin === home;
      // Ranges count bytes of the file itself, so no transport compression.
      const headers: Record<string, string> = { 'accept-encoding': 'identity', 'user-agent': 'fungi-icl' };
      if (range !== undefined) headers['range'] = range;
      if (atHome && options.hubToken !== undefined) headers['authorization'] = `Bearer ${options.hubToken}`;
      const response = await fetch(address, { headers, redirect: 'manual', signal: watch.signal });
      if (atHome) {
        sha256 ??= digestOf(response.headers.get('x-linked-etag') ?? response.headers.get('etag'));
        size ??= sizeOf(response.headers.get('x-linked-size'));
      }
      const location = response.headers.get('location');
      if (response.status >= 300 && response.status < 400 && location !== null) {
        await response.body?.cancel();
        address = new URL(location, address);
        continue;
      }
      if (!response.ok && response.status !== 416) throw await failure(response, what, options);
      const { status } = response;
      return { status, headers: response.headers, sha256, size, ...reading(response, watch) };
    }
    throw new FungiError('DOWNLOAD_FAILED', `${url}: more than ${MAX_REDIRECTS} redirects`);
  } catch (error) {
    watch.stop();
    throw FungiError.is(error) ? error : transient(error);
  }
}

/** Aborts a request when nothing has happened for a while. */
class Watch {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout;

  constructor(private readonly milliseconds: number) {
    this.timer = this.start();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  restart(): void {
    clearTimeout(this.timer);
    this.timer = this.start();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private start(): NodeJS.Timeout {
    return setTimeout(() => {
      this.controller.abort(new TransientError(`no answer for ${this.milliseconds / 1000} s`));
    }, this.milliseconds);
  }
}

function reading({ body }: Response, watch: Watch): Pick<HubResponse, 'body' | 'discard'> {
  return {
    async *body() {
      try {
        for await (const piece of body ?? []) {
          watch.restart();
          yield piece as Uint8Array;
        }
      } catch (error) {
        throw transient(error);
      } finally {
        watch.stop();
      }
    },
    async discard() {
      watch.stop();
      await body?.cancel();
    },
  };
}

const transient = (error: unknown): TransientError =>
  error instanceof TransientError ? error : new TransientError(reasonOf(error), undefined, { cause: error });

/** fetch hides what happened in the cause of a "fetch failed". */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}

const digestOf = (etag: string | null): string | undefined =>
  /^(?:W\/)?"?([0-9a-f]{64})"?$/i.exec(etag ?? '')?.[1]?.toLowerCase();
const sizeOf = (value: string | null): number | undefined =>
  value !== null && /^\d+$/.test(value) ? Number(value) : undefined;

async function failure(response: Response, what: string, { hubEndpoint, hubToken }: SourceOptions): Promise<Error> {
  const { status } = response;
  await response.body?.cancel();
  const refused = (reason: string, hint: string) =>
    new FungiError('MODEL_NOT_FOUND', `${hubEndpoint} answered ${status} for ${what}: ${reason}`, {
      hint,
      details: { status },
    });
  if (status === 401) {
    return hubToken === undefined
      ? refused(
          'it does not exist, or is private or gated',
          'Check the name; for a private or gated model set HF_TOKEN.',
        )
      : refused('it does not exist, or the token is not accepted', 'Check the name, and that HF_TOKEN is valid.');
  }
  if (status === 403) {
    return refused(
      'access is not granted',
      "Accept the model's terms on its page, and use a token that may read it (HF_TOKEN).",
    );
  }
  if (status === 404) return refused('it does not exist', 'Check the name: `organisation/name`, in the same case.');
  if (status === 408 || status === 429 || status >= 500) {
    const seconds = Number(response.headers.get('retry-after') ?? NaN);
    return new TransientError(
      `${hubEndpoint} answered ${status}`,
      Number.isFinite(seconds) ? seconds * 1000 : undefined,
    );
  }
  return new FungiError('DOWNLOAD_FAILED', `${hubEndpoint} answered ${status} for ${what}`, { details: { status } });
}
