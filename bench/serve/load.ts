/** A load generator: clients that ask again as soon as they are answered, or arrivals at a fixed rate whatever the answers. */
import { Agent, request } from 'node:http';

export interface Call {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Outcome {
  /** 0: the connection failed. */
  readonly status: number;
  readonly ms: number;
}

export interface Load {
  readonly outcomes: readonly Outcome[];
  readonly seconds: number;
}

export const connections = (): Agent => new Agent({ keepAlive: true, maxSockets: Infinity });

const shared = connections();

/** @param agent whose connections it takes */
export function call(
  url: string,
  { method = 'POST', path, body, headers = {} }: Call,
  agent: Agent = shared,
): Promise<Outcome> {
  const began = performance.now();
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const kind = bytes && { 'content-type': 'application/json', 'content-length': String(bytes.length) };
  return new Promise((resolve) => {
    const end = (status: number): void => {
      resolve({ status, ms: performance.now() - began });
    };
    const sent = request(`${url}${path}`, { agent, method, headers: { ...headers, ...kind } }, (response) => {
      response.resume();
      response.on('end', () => {
        end(response.statusCode!);
      });
      response.on('error', () => {
        end(0);
      });
    });
    sent.on('error', () => {
      end(0);
    });
    sent.end(bytes);
  });
}

/** `clients` in a closed loop, until `count` calls are made or `seconds` are over. */
export async function closedLoop(
  url: string,
  clients: number,
  limit: { readonly seconds?: number; readonly count?: number },
  next: (n: number) => Call,
): Promise<Load> {
  const began = performance.now();
  const outcomes: Outcome[] = [];
  let n = 0;
  const isOver = (): boolean =>
    n >= (limit.count ?? Infinity) || performance.now() - began > 1000 * (limit.seconds ?? Infinity);
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (!isOver()) outcomes.push(await call(url, next(n++)));
    }),
  );
  return { outcomes, seconds: (performance.now() - began) / 1000 };
}

/** `rate` calls a second for `seconds`, and then until all are answered; the rate counts those seconds alone. */
export async function openLoop(url: string, rate: number, seconds: number, next: (n: number) => Call): Promise<Load> {
  const began = performance.now();
  const pending: Promise<Outcome>[] = [];
  while (performance.now() - began < seconds * 1000) {
    const due = Math.floor(((performance.now() - began) / 1000) * rate);
    while (pending.length < due) pending.push(call(url, next(pending.length)));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return { outcomes: await Promise.all(pending), seconds };
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

export const times = ({ outcomes }: Load, status = 200): number[] =>
  outcomes.filter((each) => each.status === status).map(({ ms }) => ms);

/** Answered with `status`, a second. */
export const rate = (load: Load, status = 200): number => times(load, status).length / load.seconds;
