/** Replies kept on disk, so that an evaluation run again costs nothing and answers the same. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFileWith } from '../core/atomic-file.js';
import { fingerprint } from '../core/fingerprint.js';
import { silentLogger, type Logger } from '../core/log.js';
import { messagesKey } from '../prompt/message.js';
import { abortable, aborted } from './abort.js';
import type { Completion, CompletionRequest, LlmClient } from './client.js';

const entrySchema = z.strictObject({
  completion: z.strictObject({
    text: z.string(),
    finishReason: z.string(),
    usage: z.strictObject({ promptTokens: z.number(), completionTokens: z.number() }).optional(),
    /** Entries of old have none. */
    latencyMs: z.number().optional(),
  }),
  sha256: z.string(),
});

type Entry = z.output<typeof entrySchema>;

/** One call under way, shared by all who asked the same. */
interface Flight {
  readonly result: Promise<Completion>;
  readonly controller: AbortController;
  waiting: number;
}

export interface CacheOptions {
  /** Made when absent. Entries hold replies, not prompts. */
  readonly folder: string;
  readonly logger?: Logger | undefined;
}

/**
 * Answers a request from disk when the same one (endpoint, model, messages with the data of their images and sounds, temperature, token limit, extra parameters) was
 * answered before; equal requests at the same time share one call. A damaged entry is asked for again; failures are not kept.
 */
export class CachedClient implements LlmClient {
  readonly settings: LlmClient['settings'];
  private readonly flights = new Map<string, Flight>();
  private readonly logger: Logger;

  constructor(
    private readonly client: LlmClient,
    private readonly options: CacheOptions,
  ) {
    this.settings = client.settings;
    this.logger = options.logger ?? silentLogger;
  }

  async complete(request: CompletionRequest): Promise<Completion> {
    if (request.signal?.aborted) throw aborted();
    const key = this.keyOf(request);
    const shared = this.flights.get(key);
    const flight = shared ?? this.launch(key, request);
    flight.waiting++;
    // The call itself is aborted only when nobody waits for it any more.
    const leave = (): void => {
      if (--flight.waiting > 0) return;
      if (this.flights.get(key) === flight) this.flights.delete(key);
      flight.controller.abort();
    };
    const completion = await abortable(flight.result, request.signal, leave);
    return shared ? { ...completion, cached: true, attempts: 0 } : completion;
  }

  async peek(request: CompletionRequest): Promise<Completion | undefined> {
    return this.kept(this.pathOf(this.keyOf(request)));
  }

  private keyOf(request: CompletionRequest): string {
    const { messages, model = this.settings.model, temperature = 0, maxTokens } = request;
    return fingerprint({
      ...this.settings,
      model,
      messages: messagesKey(messages),
      temperature,
      maxTokens,
    });
  }

  private launch(key: string, request: CompletionRequest): Flight {
    const controller = new AbortController();
    const result = this.fetch(key, { ...request, signal: controller.signal });
    const flight: Flight = { result, controller, waiting: 0 };
    this.flights.set(key, flight);
    const land = (): void => {
      if (this.flights.get(key) === flight) this.flights.delete(key);
    };
    result.then(land, land);
    return flight;
  }

  private pathOf(key: string): string {
    return join(this.options.folder, key.slice(0, 2), `${key}.json`);
  }

  /** A reply is on disk before its caller hears of it: what was counted is never asked for again. */
  private async fetch(key: string, request: CompletionRequest): Promise<Completion> {
    const path = this.pathOf(key);
    const known = await this.kept(path);
    if (known) return known;

    const completion = await this.client.complete(request);
    const { text, finishReason, usage, latencyMs } = completion;
    await this.write(path, {
      text,
      finishReason,
      ...(usage && { usage }),
      ...(latencyMs !== undefined && { latencyMs }),
    });
    return completion;
  }

  private async kept(path: string): Promise<Completion | undefined> {
    const known = await this.read(path);
    return known && { ...known, cached: true, attempts: 0 };
  }

  private async read(path: string): Promise<Entry['completion'] | undefined> {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.warn(path, 'cannot be read', error);
      return undefined;
    }
    try {
      const { completion, sha256: digest } = entrySchema.parse(JSON.parse(text));
      if (digestOf(completion) === digest) return completion;
      throw new Error('its digest differs');
    } catch (error) {
      this.warn(path, 'is damaged and will be replaced', error);
      return undefined;
    }
  }

  /** A reply that cannot be kept is still a reply: the fault is logged, not thrown. */
  private async write(path: string, completion: Entry['completion']): Promise<void> {
    try {
      const entry: Entry = { completion, sha256: digestOf(completion) };
      await replaceFileWith(path, JSON.stringify(entry));
    } catch (error) {
      this.warn(path, 'cannot be written', error);
    }
  }

  private warn(path: string, fault: string, error: unknown): void {
    this.logger.warn(`LLM cache: ${path} ${fault}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const digestOf = (completion: Entry['completion']): string => fingerprint(completion);
