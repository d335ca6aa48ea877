/** The server's log: JSON, a line an event. Texts and keys have no place in it. */
import { pino, type DestinationStream, type Logger } from 'pino';

export type Log = Logger;

/** Members that hold secrets wherever they turn up: nothing logs them on purpose. */
const SECRETS = ['authorization', '"x-api-key"', 'cookie', 'apiKey', 'apiKeys', 'key', 'token', 'password', 'secret'];
const DEPTHS = ['', '*.', '*.*.', '*.*.*.'];

/** @param destination standard output by default */
export function createLog(level = 'info', destination?: DestinationStream): Log {
  const redact = {
    paths: DEPTHS.flatMap((depth) =>
      SECRETS.map((name) => (name.startsWith('"') ? `${depth.replace(/\.$/, '')}[${name}]` : depth + name)),
    ),
    censor: '[redacted]',
  };
  const options = { level, redact, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` };
  return destination === undefined ? pino(options) : pino(options, destination);
}
