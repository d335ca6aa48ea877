/** Names of models as the hub spells them. */

/** `name` or `organisation/name`; anything else can only be a path. */
export function isModelId(id: string): boolean {
  return /^[\w][\w.-]*(?:\/[\w][\w.-]*)?$/.test(id) && !id.includes('..') && !id.includes('--');
}

/** Whether the id is spelled as a path and can be nothing else. */
export function isPath(id: string): boolean {
  return /^(?:\.{0,2}[/\\]|\.{1,2}$|~(?:[/\\]|$)|[A-Za-z]:[/\\])/.test(id) || !isModelId(id);
}
