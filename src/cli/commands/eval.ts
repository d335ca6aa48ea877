/** `fungi eval`: measurements on the user's own data. */
import type { Command } from 'commander';
import type { Run } from '../context.js';
import { addEvalAblate } from './eval-ablate.js';
import { addEvalCka } from './eval-cka.js';
import { addEvalCluster } from './eval-cluster.js';
import { addEvalCompare } from './eval-compare.js';
import { addEvalIcl } from './eval-icl.js';
import { addEvalKnn } from './eval-knn.js';
import { addEvalLinear } from './eval-linear.js';
import { addEvalRetrieval } from './eval-retrieval.js';
import { addEvalSegment } from './eval-segment.js';
import { addEvalThroughput } from './eval-throughput.js';

export function addEval(program: Command, run: Run): void {
  const evaluation = program.command('eval').description('measure on your own data');
  addEvalCompare(evaluation, run);
  addEvalIcl(evaluation, run);
  addEvalKnn(evaluation, run);
  addEvalLinear(evaluation, run);
  addEvalCluster(evaluation, run);
  addEvalRetrieval(evaluation, run);
  addEvalCka(evaluation, run);
  addEvalAblate(evaluation, run);
  addEvalSegment(evaluation, run);
  addEvalThroughput(evaluation, run);
}
