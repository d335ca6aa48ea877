/** A command line as a reader may type it again. */

/** Words that a POSIX shell takes as they are. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** @param argv the words after the program's name; credentials within URLs are left out */
export const commandLine = (argv: readonly string[]): string =>
  ['fungi', ...argv.map(withoutCredentials).map(quoted)].join(' ');

/** For sh, bash, zsh: as one word, nothing in it expanded. */
const quoted = (word: string): string => (PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** User and password before a host, and what a query gives as a key, token, secret, signature or password. */
const withoutCredentials = (word: string): string =>
  word
    .replace(/(\b[a-z][a-z\d+.-]*:\/\/)[^\s/@]+@/gi, '$1…@')
    .replace(/([?&][\w.-]*(?:key|token|secret|sig|signature|password)=)[^&#\s]+/gi, '$1…');
