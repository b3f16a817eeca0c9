import { resolve } from 'node:path'
import { packPackages } from './packages/pack.ts'

// npm run packages [-- DIR]: builds packages/client and packages/contracts and packs each as a tarball for npm.

const [dir = 'dist'] = process.argv.slice(2)
for (const { path, files, bytes } of await packPackages(resolve(dir))) {
  console.log(`${path}  ${files} files, ${(bytes / 1_000).toFixed(1)} kB packed`)
}
