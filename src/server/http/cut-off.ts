/** Ends a reply that has begun and cannot be finished, so that its reader sees that something is missing. */
import type { ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';

/** What was written before is still sent: `response.destroy()` would drop what Node has not passed on yet. */
export async function cutOff(response: ServerResponse): Promise<void> {
  const { socket } = response;
  if (socket === null || response.destroyed) return;
  await turn();
  socket.destroySoon();
}
