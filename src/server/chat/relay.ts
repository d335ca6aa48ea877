/** An upstream's reply on its way to the client: its own bytes, and behind them, where it breaks off, an error that a client can read. */
import { failureOf, openAiErrorOf } from '../http/failure.js';
import type { Ending, ReplyWatch } from './reply-watch.js';

/** What became of a call. `broken`: it ended early, which the client was told. */
export type Outcome = Ending | 'broken' | 'refused' | 'failed' | 'aborted';

/**
 * Nothing is put behind a stream that ended of itself, though `[DONE]` be missing: it is counted. A body that is no stream of events cannot
 * be put right: what breaks it off is thrown, and has to cut the connection.
 *
 * @param onEnd gets what became of it, once
 * @throws what `parts` throws
 */
export async function* relayed(
  parts: AsyncIterable<Uint8Array>,
  watch: ReplyWatch,
  signal: AbortSignal,
  onEnd: (outcome: Outcome) => void,
): AsyncGenerator<Uint8Array, void> {
  let outcome: Outcome = 'aborted';
  try {
    for await (const part of parts) {
      watch.saw(part);
      yield part;
    }
    outcome = watch.ended();
  } catch (error) {
    if (signal.aborted) throw error;
    outcome = 'broken';
    if (watch.betweenEvents === undefined) throw error;
    yield errorEvent(error, watch.betweenEvents);
  } finally {
    onEnd(outcome);
  }
}

/** Half an event cannot be taken back: it is ended, so that the error is one of its own. */
function errorEvent(error: unknown, betweenEvents: boolean): Uint8Array {
  const data = JSON.stringify(openAiErrorOf(failureOf(error)));
  return Buffer.from(`${betweenEvents ? '' : '\n\n'}data: ${data}\n\n`);
}
