import { parseArgs } from 'node:util'
import { type SigningAlgorithm, signingAlgorithms } from '@rekey/contracts'
import { generateKeys, keyFiles } from '@rekey/local-servers/keys'
import { type RotationStep, rotateSecret, rotationSteps } from '@rekey/local-servers/secret-rotation'
import { algorithmsOf, publishSeconds, rotateSigningKeys } from '@rekey/local-servers/signing-keys'

const usage = `npm run keys -- generate DIR
  Writes each service's secrets and the gateway's first signing key; keeps files that exist.

npm run keys -- rotate DIR [--after SECONDS] [--alg ALGORITHM]
  Adds a signing key of each algorithm that the file has, or of ALGORITHM (${signingAlgorithms.join(' or ')}), which
  signs after ${publishSeconds} seconds or SECONDS; drops expired keys.

npm run keys -- add | use | drop DIR NAME
  Replaces a secret key such as REKEY_CODE_KEY, in every file of DIR that has it. Restart all services after each step:
  add   adds a new key, which reads
  use   lets the new key write; the others still read
  drop  removes the others, once nothing that they wrote is in use (docs/operations.md, Secret keys)`

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

const nextSteps: Record<RotationStep, string> = {
  add: 'Copy the files to every instance, restart all services, and then: use.',
  use: 'Copy the files to every instance, restart all services, wait for the overlap of the key, and then: drop.',
  drop: 'Copy the files to every instance, and restart all services.',
}

const rotateOne = async (step: RotationStep, dir: string, name: string) => {
  const { files, ids } = rotateSecret(dir, name, step)
  console.log(`${name} in ${files.join(', ')}: ${ids.join(', ')}; the first writes. ${nextSteps[step]}`)
}

const isStep = (text: string | undefined): text is RotationStep => rotationSteps.some((step) => step === text)

const read = () => {
  const { values, positionals } = parseArgs({
    options: { help: { type: 'boolean', short: 'h' }, after: { type: 'string' }, alg: { type: 'string' } },
    allowPositionals: true,
  })
  const [command, dir, name, ...rest] = positionals
  const { help, after, alg } = values
  if (help) return async () => console.log(usage)
  if (!dir || rest.length > 0) return undefined
  if (isStep(command)) return name && after === undefined ? () => rotateOne(command, dir, name) : undefined
  if (name) return undefined
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
