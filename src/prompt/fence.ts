import { sha256 } from '../core/fingerprint.js';

/**
 * Hexadecimal digits that occur in none of `texts`, in upper or lower case: what a text-mode prompt marks the borders of its
 * examples with. No example can forge a border, since the fence is drawn from a hash of all of them and drawn again while
 * any contains it. Equal texts give an equal fence, so a cached response is still found.
 */
export function chooseFence(texts: readonly string[], digits = 8): string {
  const haystacks = texts.map((text) => text.toLowerCase());
  const seed = sha256(JSON.stringify(texts));
  for (let draw = 0; ; draw++) {
    const fence = sha256(`${seed}/${draw}`).slice(0, digits);
    if (!haystacks.some((text) => text.includes(fence))) return fence;
  }
}
