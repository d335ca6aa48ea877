/**
 * Replies by idempotency key: a request that is sent again, because its reply was lost, gets the first reply and does nothing twice.
 * Kept in this process: neither a restart nor another process knows of them.
 */
import { z } from 'zod';
import { FungiError } from '../core/errors.js';
import { abortable } from '../llm/abort.js';
import type { Reply } from './route.js';

type KeptReply = Extract<Reply, { kind: 'json' | 'empty' }>;

export interface IdempotencyOptions {
  /** @default 10_000 */
  readonly maxKeys?: number;
  /** Of all replies as JSON. @default 64 Mi characters */
  readonly maxCharacters?: number;
  /** @default 24 hours */
  readonly ttlMs?: number;
  /** Monotonic clock, milliseconds. */
  readonly now?: () => number;
}

/** A request with a key. */
export interface KeyedRequest {
  /** Whose key it is and what for: another client's or route's equal key is another key. */
  readonly scope: string;
  readonly key: string;
  /** Digest of the body. */
  readonly digest: string;
  /** Of this request: it stops waiting for an equal one. */
  readonly signal: AbortSignal;
}

interface Entry {
  readonly digest: string;
  /** Undefined once the work turned out to be worth another try: the next equal request does it. */
  readonly outcome: Promise<KeptReply | undefined>;
  settled: boolean;
  characters: number;
  expires: number;
}

/** 1 to 255 visible ASCII characters. */
const KEY = /^[!-~]{1,255}$/;

/** For the document. */
export const idempotencyHeader = z.strictObject({
  'Idempotency-Key': z
    .string()
    .regex(KEY)
    .optional()
    .meta({
      description:
        'A new one for each request that is no repetition: repeats get the first reply, and nothing is done twice.',
      examples: ['5f0c3f9e-8a53-4c5a-9a34-5f4d0d1f2b11'],
    }),
});

/** @throws {FungiError} INVALID_ARGUMENT. @returns undefined where the request has none */
export function idempotencyKey(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === 'string' && KEY.test(header)) return header;
  throw new FungiError(
    'INVALID_ARGUMENT',
    'header Idempotency-Key: has to be 1 to 255 visible ASCII characters, once',
    {
      hint: 'A UUID will do, a new one for each request that is not a repetition.',
    },
  );
}

export class IdempotencyStore {
  /** Oldest first. */
  private readonly entries = new Map<string, Entry>();
  private characters = 0;
  private readonly maxKeys: number;
  private readonly maxCharacters: number;
  private readonly ttlMs: number;
  private readonly now: () => number;

  constructor(options: IdempotencyOptions = {}) {
    this.maxKeys = options.maxKeys ?? 10_000;
    this.maxCharacters = options.maxCharacters ?? 64 * 1024 * 1024;
    this.ttlMs = options.ttlMs ?? 24 * 3_600_000;
    this.now = options.now ?? (() => performance.now());
  }

  /** Keys that are known now. */
  get size(): number {
    return this.entries.size;
  }

  /**
   * The reply of `work`, or of an equal request before. Of failures those are kept that the body itself brings about (400 and 422):
   * anything else may end otherwise the next time.
   *
   * @throws {FungiError} IDEMPOTENCY_CONFLICT for a key that came with another body; what `work` throws; the signal's reason
   */
  async run(request: KeyedRequest, work: () => Promise<KeptReply>): Promise<KeptReply> {
    const { scope, key, digest, signal } = request;
    const name = JSON.stringify([scope, key]);
    for (;;) {
      signal.throwIfAborted();
      this.dropOld();
      const known = this.entries.get(name);
      if (known === undefined) return this.begin(name, digest, work);
      if (known.digest !== digest) throw conflict(key);
      const reply = await abortable(known.outcome, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        throw error;
      });
      if (reply !== undefined) return replayed(reply);
    }
  }

  private async begin(name: string, digest: string, work: () => Promise<KeptReply>): Promise<KeptReply> {
    const running = work();
    const outcome = running.catch((error: unknown) => {
      if (isLasting(error)) throw error;
      return undefined;
    });
    const entry: Entry = { digest, outcome, settled: false, characters: 0, expires: this.now() + this.ttlMs };
    this.entries.set(name, entry);
    // Told apart before anybody who waits is woken, so that the next one finds no entry and begins anew.
    outcome.then(
      (reply) => {
        if (reply === undefined) this.drop(name);
        else this.settle(entry, reply.kind === 'json' ? JSON.stringify(reply.body).length : 0);
      },
      () => {
        this.settle(entry, 0);
      },
    );
    return running;
  }

  private settle(entry: Entry, characters: number): void {
    [entry.settled, entry.characters] = [true, characters];
    this.characters += characters;
    this.dropOld();
  }

  /** What is under way stays: somebody may be waiting for it. */
  private dropOld(): void {
    const now = this.now();
    for (const [name, { settled, expires }] of this.entries) {
      const isOver = this.entries.size > this.maxKeys || this.characters > this.maxCharacters;
      if (!isOver && expires > now) break;
      if (settled) this.drop(name);
    }
  }

  private drop(name: string): void {
    this.characters -= this.entries.get(name)?.characters ?? 0;
    this.entries.delete(name);
  }
}

const isLasting = (error: unknown): boolean => FungiError.is(error) && [400, 422].includes(error.httpStatus);

const replayed = (reply: KeptReply): KeptReply => ({
  ...reply,
  headers: { ...reply.headers, 'Idempotent-Replayed': 'true' },
});

const conflict = (key: string): FungiError =>
  new FungiError('IDEMPOTENCY_CONFLICT', `idempotency key "${key}" came with another body before`, {
    hint: 'Take a new key for a new request; a repetition has the very same body.',
  });
