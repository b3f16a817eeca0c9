import { spawn } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { findOnPath } from './command.ts'

/** True if this process may install Debian packages. */
export const canAptInstall = () => process.getuid?.() === 0 && findOnPath('apt-get') !== undefined

const servicePolicy = '/usr/sbin/policy-rc.d'

// Debian starts a server's system service when its package is installed. Only the program is needed.
const withoutStartingServices = async (install: () => Promise<void>) => {
  if (existsSync(servicePolicy)) return install()
  writeFileSync(servicePolicy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    await install()
  } finally {
    rmSync(servicePolicy, { force: true })
  }
}

const run = (args: string[], signal?: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    const child = spawn('apt-get', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      ...(signal && { signal, killSignal: 'SIGTERM' }),
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.once('error', reject)
    child.once('close', (status) =>
      status === 0 ? resolve() : reject(new Error(`apt-get ${args.join(' ')} failed:\n${output.trim()}`)),
    )
  })

/**
 * Installs Debian packages without starting their system services.
 * @throws Error with the output of apt-get
 */
export const aptInstall = async (packages: string[], signal?: AbortSignal) => {
  const lockWait = ['-o', 'DPkg::Lock::Timeout=120']
  await run([...lockWait, 'update', '-qq'], signal)
  await withoutStartingServices(() =>
    run([...lockWait, 'install', '-y', '-qq', '--no-install-recommends', ...packages], signal),
  )
}
