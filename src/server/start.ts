/** The server as one thing: model processes, indexes, routes and a socket, put together from settings. */
import type { AddressInfo } from 'node:net';
import { readConfig, type Environment } from '../core/config.js';
import { FungiError } from '../core/errors.js';
import type { LlmClient } from '../llm/client.js';
import { BreakerClient } from '../llm/breaker.js';
import { OpenAiClient } from '../llm/openai.js';
import { FeatureCache } from '../workers/feature-cache.js';
import { ModelPool } from '../workers/model-pool.js';
import { createApp } from './app.js';
import { chatRoute, noChatRoute } from './chat/chat-route.js';
import { chatMetrics, type ChatMetrics } from './chat/chat-metrics.js';
import { UPSTREAM_LIMITS } from './chat/upstream-settings.js';
import { Upstream } from './chat/upstream.js';
import type { Settings } from './configuration/settings.js';
import { Lifecycle } from './http/lifecycle.js';
import { listen, type Listening } from './http/listen.js';
import type { Log } from './http/log.js';
import { FolderCatalogue } from './indexes/folder-catalogue.js';
import { KeyRing } from './keys/key-ring.js';
import { createMetrics } from './operations/metrics.js';
import { listenForScrapers } from './operations/metrics-server.js';
import { modelMetrics } from './operations/model-metrics.js';
import { readinessOf } from './operations/readiness.js';
import type { Route } from './route.js';
import { ROUTES } from './routes/index.js';
import { openTracer } from './tracing/open-telemetry.js';

export interface RunningServer {
  /** `http://127.0.0.1:8420` */
  readonly url: string;
  /** Where metrics are, if not there. */
  readonly metricsUrl: string | undefined;
  /** Settles when the indexes to be preloaded are open, or have failed to: /readyz tells which. */
  readonly preloaded: Promise<void>;
  /** Ends what is under way, then everything; calls after the first wait for the same end. */
  stop(): Promise<void>;
}

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/i;

/** @throws {FungiError} INVALID_ARGUMENT for settings that do not go together, and an address that cannot be had */
export async function startServer(given: Settings, log: Log, environment?: Environment): Promise<RunningServer> {
  const settings = withEndpoint(given, environment);
  assertGuarded(settings);
  const metrics = createMetrics();
  const models = modelMetrics(metrics.registry);
  const { batchTokens, queueTokens, maxWaitMs, runLimitMs, openLimitMs, processes, threads } = settings;
  const limits = { batchTokens, queueTokens, maxWaitMs, runLimitMs, openLimitMs };
  const cache = new FeatureCache(settings.cacheMegabytes * 2 ** 20);
  const { cacheDir, offline } = readConfig(environment);
  // Before anything is started: settings that are none leave no processes behind.
  const keys = settings.apiKeys.length > 0 ? new KeyRing(settings.apiKeys) : undefined;
  const llm = llmOf(settings);
  const chat = chatMetrics(metrics.registry);
  const upstream = upstreamOf(settings, chat);
  const pool = new ModelPool({ processes, ...limits, observer: models.observer });
  models.watch({ pool, cache });
  const catalogue = new FolderCatalogue({
    ...{ pool, cache, threads, indexes: settings.indexes, encoders: encodersOf(settings) },
    ...{ sources: { cacheDir, offline }, required: settings.preload },
    onBroken: (index, err) => {
      if (err === undefined) log.info({ index }, 'index works again');
      else log.error({ index, err }, 'index cannot be opened');
    },
    onBuildFailed: (index, err) => {
      log.error({ index, err }, 'build failed');
    },
  });
  const lifecycle = new Lifecycle();
  let scraped: Listening | undefined;
  const close = async (): Promise<void> => {
    upstream?.close();
    await scraped?.drain(0);
    // At once: what is being opened waits for a model process, and gives up when there is none.
    await Promise.all([catalogue.close(), pool.close()]);
  };
  try {
    const tracer = await openTracer();
    const app = createApp({
      routes: [...ROUTES, chatOf(settings, upstream, chat)],
      ...{ catalogue, llm, keys, log, metrics, lifecycle, tracer, trustProxy: settings.trustProxy },
      metricsElsewhere: settings.metricsPort !== null,
      limits: { deadlineMs: settings.deadlineMs, requestsPerMinute: settings.requestsPerMinute ?? undefined },
    });
    const { host, port, metricsPort, maxConnections, graceMs, drainMs } = settings;
    if (metricsPort !== null) scraped = await listenForScrapers(metrics, { host, port: metricsPort });
    const metricsUrl = scraped === undefined ? undefined : `${urlOf(scraped.address)}/metrics`;
    const listening = await listen(app, { host, port, lifecycle, maxConnections, graceMs });
    const url = urlOf(listening.address);
    log.info({ url, metricsUrl, processes, indexes: settings.indexes }, 'listening');
    // The socket is open meanwhile: who watches over the process sees that it is alive, and not ready yet.
    const preloaded = catalogue.preload().then(async () => {
      const { status, reasons } = await readinessOf({ lifecycle, catalogue });
      log.info({ status, reasons }, 'preloaded');
    });
    let stopped: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      log.info('stopping');
      await listening.drain(drainMs);
      await close();
      log.info('stopped');
    };
    return { url, metricsUrl, preloaded, stop: () => (stopped ??= stop()) };
  } catch (error) {
    await close();
    throw error;
  }
}

const urlOf = ({ address, family, port }: AddressInfo): string =>
  `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;

/** What other tools have in the environment stands for what the settings leave open. */
function withEndpoint(settings: Settings, environment: Environment | undefined): Settings {
  const { llmBaseUrl, llmModel, llmApiKey } = readConfig(environment);
  return {
    ...settings,
    llmBaseUrl: settings.llmBaseUrl ?? llmBaseUrl ?? null,
    llmModel: settings.llmModel ?? llmModel ?? null,
    llmApiKey: settings.llmApiKey ?? llmApiKey ?? null,
  };
}

function assertGuarded({ host, apiKeys, insecure }: Settings): void {
  if (LOOPBACK.test(host) || apiKeys.length > 0 || insecure) return;
  throw new FungiError('INVALID_ARGUMENT', `${host} can be reached from other machines, and no API key is asked for`, {
    hint: 'Set apiKeys (make one with `fungi keys create NAME`), or listen on 127.0.0.1. Behind a proxy that checks keys: --insecure true.',
  });
}

function llmOf({ llmBaseUrl, llmModel, llmApiKey }: Settings): LlmClient | undefined {
  if (llmBaseUrl === null || llmModel === null) return undefined;
  const client = new OpenAiClient({
    baseUrl: llmBaseUrl,
    model: llmModel,
    ...(llmApiKey !== null && { apiKey: llmApiKey }),
  });
  return new BreakerClient(client);
}

/** `minilm=./models/minilm` offers that folder as `minilm`; without a name the id is the name. */
function encodersOf({ encoders }: Settings): ReadonlyMap<string, string> {
  return new Map(
    encoders.map((text) => {
      const [name = '', ...location] = text.split('=');
      return [name, location.length === 0 ? name : location.join('=')];
    }),
  );
}

/** Where completions go, if there is an endpoint for them. */
function upstreamOf({ llmBaseUrl, llmApiKey }: Settings, { onRetry }: ChatMetrics): Upstream | undefined {
  if (llmBaseUrl === null) return undefined;
  return new Upstream({ baseUrl: llmBaseUrl, apiKey: llmApiKey ?? undefined, onRetry });
}

function chatOf(settings: Settings, upstream: Upstream | undefined, { onEnd }: ChatMetrics): Route {
  if (upstream === undefined) return noChatRoute;
  const { chatIndex, chatTemplate, chatK, deadlineMs } = settings;
  return chatRoute({
    ...{ upstream, defaultIndex: chatIndex ?? undefined, template: chatTemplate, k: chatK, onEnd },
    deadlineMs: deadlineMs + UPSTREAM_LIMITS.totalMs,
  });
}
