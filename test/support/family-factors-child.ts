/** Prints the factors of the families in argv, in that order, as JSON. */
import { familyFactors } from './family-factors.js';

process.stdout.write(JSON.stringify(await familyFactors(process.argv.slice(2))));
