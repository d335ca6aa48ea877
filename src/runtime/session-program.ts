/** A process that holds one session and runs it: see {@link Replicas}. */
import '../core/processes/ignore-signals.js';
import { answerCalls } from '../core/processes/calls.js';
import type { SessionRequest } from './replica.js';
import { Session } from './session.js';

let session: Session | undefined;

answerCalls(async (request: SessionRequest) => {
  if (request.kind === 'run') return session!.run(request.feeds, request.outputs);
  session = await Session.load(request.graph, request.label, request.options);
  return null;
});
