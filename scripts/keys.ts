import { parseArgs } from 'node:util'
import { type SigningAlgorithm, signingAlgorithms } from '@rekey/contracts'
import { generateKeys, keyFiles } from '@rekey/local-servers/keys'
import { algorithmsOf, publishSeconds, rotateSigningKeys } from '@rekey/local-servers/signing-keys'

const usage = `npm run keys -- generate DIR
  Writes each service's secrets and the gateway's first signing key; keeps files that exist.

npm run keys -- rotate DIR [--after SECONDS] [--alg ALGORITHM]
  Adds a signing key of each algorithm that the file has, or of ALGORITHM (${signingAlgorithms.join(' or ')}), which
  signs after ${publishSeconds} seconds or SECONDS; drops expired keys.`

const generate = async (dir: string) => {
  const written = await generateKeys(dir)
  console.log(written.length ? `Wrote ${written.join(', ')} to ${dir}.` : `Nothing to write: ${dir} is complete.`)
}

const rotate = async (dir: string, after: string | undefined, algorithms: SigningAlgorithm[]) => {
  for (const algorithm of algorithms) {
    const { added, signFrom, dropped } = await rotateSigningKeys(keyFiles(dir).signingKeys, {
      algorithm,
      ...(after !== undefined && { afterSeconds: Number(after) }),
    })
    console.log(`Added ${added}, which signs from ${signFrom.toISOString()}: ${algorithm}.`)
    for (const kid of dropped) console.log(`Dropped ${kid}.`)
  }
}

const read = () => {
  const { values, positionals } = parseArgs({
    options: { after: { type: 'string' }, alg: { type: 'string' } },
    allowPositionals: true,
  })
  const [command, dir, ...rest] = positionals
  const { after, alg } = values
  if (!dir || rest.length > 0) return undefined
  if (after !== undefined && !/^\d{1,9}$/.test(after)) throw new Error('--after takes a whole number of seconds.')
  const algorithm = signingAlgorithms.find((one) => one === alg)
  if (alg !== undefined && !algorithm) throw new Error(`--alg takes ${signingAlgorithms.join(' or ')}.`)
  if (command === 'generate' && after === undefined && !algorithm) return () => generate(dir)
  if (command === 'rotate') {
    return () => rotate(dir, after, algorithm ? [algorithm] : algorithmsOf(keyFiles(dir).signingKeys))
  }
}

try {
  const work = read()
  if (!work) throw new Error(usage)
  await work()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
