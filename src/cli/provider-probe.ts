/**
 * Which execution providers load on this machine, a JSON line each. A process of its own (`fungi doctor` starts it): a broken driver
 * may print at will or crash.
 */
import { FungiError } from '../core/errors.js';
import { GraphBuilder } from '../onnx/builder.js';
import { Session } from '../runtime/session.js';
import { PROVIDERS } from '../runtime/providers.js';

const graph = new GraphBuilder('probe');
graph.output(graph.op('Neg', [graph.input('x', 'float32', ['n'])]), 'float32', ['n']);
const model = graph.build();

for (const provider of PROVIDERS) {
  let problem: string | null = null;
  try {
    const session = await Session.load(model, 'probe', { provider });
    await session.release();
  } catch (error) {
    const reason = FungiError.is(error) ? error.details['reason'] : undefined;
    problem = typeof reason === 'string' ? reason : (error as Error).message;
  }
  process.stdout.write(`${JSON.stringify({ provider, problem })}\n`);
}
