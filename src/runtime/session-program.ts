/** A process that holds one session and runs it: see {@link Replicas}. */
import '../core/processes/ignore-signals.js';
import { answerCalls } from '../core/processes/calls.js';
import { Session } from './session.js';
import type { SessionRequest, SessionResults } from './replica.js';

let session: Promise<Session> | undefined;

answerCalls(async (request: SessionRequest): Promise<SessionResults[SessionRequest['kind']]> => {
  if (request.kind === 'load') {
    session = Session.load(request.graph, request.label, request.options);
    await session;
    return null;
  }
  return (await session!).run(request.feeds, request.outputs);
});
