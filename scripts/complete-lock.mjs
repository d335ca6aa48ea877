// Adds entries to package-lock.json for optional platform packages that the registry in use does not serve.
// A package's manifest may name platform builds (darwin, win32, …) that a mirror lacks; npm then leaves them out of the lock
// and `npm ci` refuses the lock everywhere ("Missing: … from lock file"). A stub with os/cpu/libc makes the lock complete:
// npm skips it on other platforms, and fetches it where it fits and exists. Run after every change of dependencies.
import fs from 'node:fs';

const OS = {
  darwin: 'darwin',
  linux: 'linux',
  linuxmusl: 'linux',
  win32: 'win32',
  android: 'android',
  freebsd: 'freebsd',
  openbsd: 'openbsd',
  netbsd: 'netbsd',
  sunos: 'sunos',
  aix: 'aix',
  openharmony: 'openharmony',
};
const CPU = ['arm64', 'x64', 'ia32', 'arm', 'armv7', 'ppc64', 's390x', 'riscv64', 'loong64', 'wasm32'];

const file = process.argv[2] ?? 'package-lock.json';
const lock = JSON.parse(fs.readFileSync(file, 'utf8'));
let added = 0;
for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    if (Object.keys(lock.packages).some((path) => path.endsWith(`node_modules/${name}`))) continue;
    const words = name.replace(/^.*\//, '').split(/[-_]/);
    const os = words.map((word) => OS[word]).find(Boolean);
    if (!os) {
      console.error(`skipped ${name}: its name states no platform`);
      continue;
    }
    const cpu = words.find((word) => CPU.includes(word));
    const libc = words.includes('musl') ? 'musl' : words.includes('gnu') && os === 'linux' ? 'glibc' : undefined;
    lock.packages[`node_modules/${name}`] = {
      version: version.replace(/^[\^~]/, ''),
      ...(cpu && { cpu: [cpu === 'armv7' ? 'arm' : cpu] }),
      ...(parent.dev && { dev: true }),
      ...(libc && { libc: [libc] }),
      optional: true,
      os: [os],
    };
    added += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
fs.writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`added ${added} platform stubs to ${file}`);
