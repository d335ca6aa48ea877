/** `fungi prompt`: the filled prompt, without asking anyone. */
import type { Command } from 'commander';
import { FungiError } from '../../core/errors.js';
import type { ChatMessage } from '../../prompt/message.js';
import { readText, type CommonOptions, type Context, type Report, type Run } from '../context.js';
import { selectOptions, warnOf, withSelector, type FilterFlags, type OpenFlags } from '../open-selector.js';
import { addFilterOptions, collect } from '../options.js';
import { addOpenOptions } from './retrieve.js';

export interface TemplateFlags {
  readonly template?: string;
  readonly var?: readonly string[];
}

interface PromptFlags extends CommonOptions, OpenFlags, FilterFlags, TemplateFlags {}

export function addPrompt(program: Command, run: Run): void {
  const command = program
    .command('prompt')
    .description('fill a prompt template with the examples nearest to a text')
    .argument('<name>', 'name of the index')
    .argument('<query>', 'a text; "-" reads it from standard input');
  addOpenOptions(addFilterOptions(addTemplateOptions(command)))
    .addHelpText(
      'after',
      `
Examples:
  fungi prompt bank "my card has not arrived"
  fungi prompt bank "my card has not arrived" --template classify -k 10
  fungi prompt bank "my card" --template ./my-prompt.md --var role="You sort banking questions."`,
    )
    .action((name: string, query: string, flags: PromptFlags) =>
      run(flags, (context) => prompt(context, name, query, flags)),
    );
}

export const addTemplateOptions = (command: Command): Command =>
  command
    .option('--template <name|file>', 'classify-chat, classify or a template file (default: classify-chat)')
    .option('--var <name=value>', "value for one of the template's inputs; may be repeated", collect);

/** Template and variables as the library takes them. @throws {FungiError} INVALID_ARGUMENT, FILE_NOT_FOUND, TEMPLATE_INVALID */
export async function templateOptions(flags: TemplateFlags) {
  const { loadTemplate } = await import('../../prompt/load.js');
  const variables = (flags.var ?? []).map((assignment): [string, string] => {
    const at = assignment.indexOf('=');
    if (at < 1) throw new FungiError('INVALID_ARGUMENT', `--var ${assignment}: it must be name=value`);
    return [assignment.slice(0, at), assignment.slice(at + 1)];
  });
  const options = {
    template: await loadTemplate(flags.template ?? 'classify-chat'),
    variables: Object.fromEntries(variables),
  };
  options.template.checkVariables(options.variables);
  return options;
}

async function prompt(context: Context, name: string, argument: string, flags: PromptFlags): Promise<Report> {
  // A template that is wrong is found before a model is loaded.
  const template = await templateOptions(flags);
  const query = await readText(context, argument);
  const { messages, used, dropped, size, truncated } = await withSelector(context, name, flags, async (selector) => {
    const selection = await selector.select(query, selectOptions(flags, selector));
    warnOf(selection, flags, context);
    return selector.promptFrom(selection, template);
  });
  if (dropped.length > 0) {
    context.log.warn(`${dropped.length} of ${used.length + dropped.length} examples did not fit the prompt`);
  }
  return {
    text: showMessages(messages),
    json: {
      index: name,
      query,
      messages,
      used: used.map(({ rank, id, label }) => ({ rank, id, label })),
      dropped: dropped.map(({ example: { rank, id, label }, reason }) => ({ rank, id, label, reason })),
      size,
      truncated,
    },
  };
}

/** One message as it is; a conversation with its roles. */
export function showMessages(messages: readonly ChatMessage[]): string {
  if (messages.length === 1) return messages[0]!.content;
  return messages.map(({ role, content }) => `[${role}]\n${content}`).join('\n\n');
}
