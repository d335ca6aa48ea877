/** What a manifest says of the reducer. */
import { Blend } from '../reduce/blend.js';
import { Lda } from '../reduce/lda.js';
import { Pca } from '../reduce/pca.js';
import type { Reducer } from '../reduce/reducer.js';
import { StandIn } from '../reduce/stand-in.js';
import type { PcaFacts, ReducerFacts, ShrinkageFacts } from '../store/manifest.js';
import type { Shares } from '../reduce/shares.js';
import { sharesOf, type AskedReduction } from './reduction.js';

/**
 * @param reducer fitted as asked
 * @param limit P as asked for; where there is less to keep, the reducer has fewer
 * @param chosen shares, where they were chosen on the examples
 */
export function reducerFacts(
  reducer: Reducer,
  asked: AskedReduction,
  limit: number,
  chosen: Shares | undefined,
): ReducerFacts {
  const { dims } = reducer;
  if (reducer instanceof StandIn && reducer.reducer instanceof Pca) {
    const instead = {
      of: asked.kind === 'lda' || asked.kind === 'auto' ? asked.kind : 'blend',
      why: reducer.instead,
    } as const;
    return { kind: 'pca', ...pcaFacts(reducer.reducer), instead };
  }
  if (reducer instanceof Pca) return { kind: 'pca', ...pcaFacts(reducer) };
  if (reducer instanceof Lda) return { kind: 'lda', dims, limit, ...shrinkageFacts(reducer, asked) };
  if (reducer instanceof Blend) {
    const { supervised, unsupervised, first } = reducer;
    const shares = chosen ?? sharesOf(asked, supervised.dims);
    const parts = {
      supervised: supervised.dims,
      unsupervised: { ...pcaFacts(unsupervised), first },
    };
    return { kind: 'blend', dims, limit, ...parts, shares, ...shrinkageFacts(supervised, asked) };
  }
  return { kind: 'none', dims };
}

const pcaFacts = ({ dims, explained, centredOnly }: Pca): PcaFacts => ({ dims, explained, centredOnly });

function shrinkageFacts({ choice: { shrinkage, scores } }: Lda, asked: AskedReduction): ShrinkageFacts {
  const chosen = 'shrinkage' in asked && asked.shrinkage !== 'auto' ? 'given' : 'auto';
  return { shrinkage: { value: shrinkage, chosen, scores: scores.map((score) => ({ ...score })) } };
}
