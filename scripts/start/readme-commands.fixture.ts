import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const blocks = (root: string): string[] =>
  [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```sh\n(MFA_TOKEN.*?)^```/gms)].map(
    ([, commands = '']) => commands,
  )

/** The commands that a README tells its reader to paste. */
export const readmeCommands = (root: string): string => {
  const [commands] = blocks(root)
  if (commands === undefined) throw new Error('README.md has no commands to paste')
  return commands
}

/** The commands of a restore with two proofs, as the README tells its reader to make them: two of the first, then others. */
export const secondProofCommands = (root: string): string => {
  const [first = '', second = ''] = blocks(root)
  const twoCommands = first.split('\n').slice(0, 2).join('\n')
  return `${twoCommands.replace('bpmtestusr1@gmail.com', 'bpmtestusr3@gmail.com')}\n${second}`
}

/** Pastes them into a shell, with other ports. @returns what the last one prints */
export const paste = async (commands: string, { port, inboxPort }: { port: number; inboxPort: number }) => {
  const script = commands
    .replaceAll('localhost:8080', `localhost:${port}`)
    .replaceAll('localhost:8025', `localhost:${inboxPort}`)
  const options = { cwd: join(import.meta.dirname, '../..'), env: { PATH: process.env.PATH ?? '' } }
  return (await promisify(execFile)('bash', ['-c', script], options)).stdout
}
