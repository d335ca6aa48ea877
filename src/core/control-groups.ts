/** What Linux's control groups (v1 or v2) allow a process, in containers above all: Node 20 and onnxruntime do not ask them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of the groups around a process the files of one controller, under both versions. */
export interface ControlGroups {
  readonly v1: readonly GroupFiles[];
  readonly v2: readonly GroupFiles[];
}

/** A file of the group, '' where there is none. */
export type GroupFiles = (file: string) => string;

/**
 * The process's own group and those around it, up to the root, which in a container is the container's.
 * @param controller `cpu` or `memory`
 * @param root where the machine's files are
 */
export function controlGroups(controller: string, root = '/'): ControlGroups {
  const text = (file: string): string => {
    try {
      return readFileSync(join(root, file), 'utf8').trim();
    } catch {
      return ''; // not Linux, or no such group
    }
  };
  const lines = text('proc/self/cgroup').split('\n');
  const found = lines.map((line) => {
    const [id, controllers = '', ...path] = line.split(':');
    return { id, controllers: controllers.split(','), groups: withAncestors(path.join(':')) };
  });
  const at = (folder: string, groups: readonly string[]): GroupFiles[] =>
    groups.map((group) => (file) => text(`${folder}${group}/${file}`));
  return {
    // Controllers that are mounted together have a link for each.
    v1: found.flatMap(({ controllers, groups }) =>
      controllers.includes(controller) ? at(`sys/fs/cgroup/${controller}`, groups) : [],
    ),
    v2: found.flatMap(({ id, groups }) => (id === '0' ? at('sys/fs/cgroup', groups) : [])),
  };
}

/** `/a/b`, `/a` and the root. */
function withAncestors(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((_, depth) => `/${names.slice(0, depth + 1).join('/')}`).concat('');
}
