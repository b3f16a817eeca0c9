import { parseArgs } from 'node:util'
import { generateKeys, keyFiles } from '@rekey/local-servers/keys'
import { publishSeconds, rotateSigningKeys } from '@rekey/local-servers/signing-keys'

const usage = `npm run keys -- generate DIR
  Writes each service's secrets and the gateway's first signing key; keeps files that exist.

npm run keys -- rotate DIR [--after SECONDS]
  Adds a signing key, which signs after ${publishSeconds} seconds or SECONDS; drops expired keys.`

const generate = async (dir: string) => {
  const written = await generateKeys(dir)
  console.log(written.length ? `Wrote ${written.join(', ')} to ${dir}.` : `Nothing to write: ${dir} is complete.`)
}

const rotate = async (dir: string, after: string | undefined) => {
  const { added, signFrom, dropped } = await rotateSigningKeys(keyFiles(dir).signingKeys, {
    ...(after !== undefined && { afterSeconds: Number(after) }),
  })
  console.log(`Added ${added}, which signs from ${signFrom.toISOString()}.`)
  for (const kid of dropped) console.log(`Dropped ${kid}.`)
}

const read = () => {
  const { values, positionals } = parseArgs({ options: { after: { type: 'string' } }, allowPositionals: true })
  const [command, dir, ...rest] = positionals
  const { after } = values
  if (!dir || rest.length > 0) return undefined
  if (after !== undefined && !/^\d{1,9}$/.test(after)) throw new Error('--after takes a whole number of seconds.')
  if (command === 'generate' && after === undefined) return () => generate(dir)
  if (command === 'rotate') return () => rotate(dir, after)
}

try {
  const work = read()
  if (!work) throw new Error(usage)
  await work()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
