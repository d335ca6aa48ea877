import { readFile, readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FungiError } from '../core/errors.js';
import { PromptTemplate } from './template.js';

/** The package's prompts folder: two up from here in src and in dist alike. */
const BUILT_IN = fileURLToPath(new URL('../../prompts/', import.meta.url));

/** Names that {@link loadTemplate} takes without a path. */
export async function builtInTemplates(): Promise<string[]> {
  const files = await readdir(BUILT_IN);
  return files
    .filter((file) => file.endsWith('.md') && file !== 'README.md')
    .map((file) => basename(file, '.md'))
    .sort();
}

/**
 * @param nameOrPath `classify`, `classify-chat` or `turns`, or the path of a file (anything with a slash or ending in `.md`)
 * @throws {FungiError} FILE_NOT_FOUND, TEMPLATE_INVALID
 */
export async function loadTemplate(nameOrPath: string): Promise<PromptTemplate> {
  const isPath = /[/\\]|\.md$/.test(nameOrPath);
  let source: string;
  try {
    source = await readFile(isPath ? nameOrPath : `${BUILT_IN}${nameOrPath}.md`, 'utf8');
  } catch (cause) {
    const hint = `Give the path of a .md file, or a built-in name: ${(await builtInTemplates()).join(', ')}.`;
    throw new FungiError('FILE_NOT_FOUND', `prompt template "${nameOrPath}" cannot be read`, { hint, cause });
  }
  return PromptTemplate.parse(source, nameOrPath);
}
