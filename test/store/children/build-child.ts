/** Builds an index, stage by stage, and says where it is. Forked, and killed, by tests. */
import { buildIndex } from '../build-index.js';

const [root, name] = process.argv.slice(2);
await buildIndex(root!, name!, (message) => process.send!(message));
process.disconnect();
