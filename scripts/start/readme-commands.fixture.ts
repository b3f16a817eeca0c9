import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** The commands that a README tells its reader to paste. */
export const readmeCommands = (root: string): string => {
  const [, commands] = /^```sh\n(MFA_TOKEN.*?)^```/ms.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? []
  if (commands === undefined) throw new Error('README.md has no commands to paste')
  return commands
}

/** Pastes them into a shell, with other ports. @returns what the last one prints */
export const paste = async (commands: string, { port, inboxPort }: { port: number; inboxPort: number }) => {
  const script = commands
    .replaceAll('localhost:8080', `localhost:${port}`)
    .replaceAll('localhost:8025', `localhost:${inboxPort}`)
  return (await promisify(execFile)('bash', ['-c', script], { env: { PATH: process.env.PATH ?? '' } })).stdout
}
