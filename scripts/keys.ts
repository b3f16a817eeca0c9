import { generateKeys } from '@rekey/stack/keys'

const [command, dir, ...rest] = process.argv.slice(2)
if (command === 'generate' && dir && rest.length === 0) {
  const written = await generateKeys(dir)
  console.log(written.length ? `Wrote ${written.join(', ')} to ${dir}.` : `Nothing to write: ${dir} is complete.`)
} else {
  console.error('Usage: node scripts/keys.ts generate DIR')
  process.exitCode = 1
}
