import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { findOnPath } from '@rekey/local-servers/command'
import type { Link } from '@rekey/test-support/link'

const ownNetwork = 'REKEY_STALLS_OWN_NETWORK'
const tools = ['unshare', 'ip', 'iptables']

/** True in a process that `inOwnNetwork` started: its packets can be dropped. */
export const hasOwnNetwork = process.env[ownNetwork] === '1'

/** False in a container that may not create a network namespace or set packet rules. */
const mayDropPackets = () => {
  if (process.getuid?.() !== 0 || !tools.every((tool) => findOnPath(tool))) return false
  return spawnSync('unshare', ['--net', 'iptables', '-w', '-L', 'INPUT', '-n'], { stdio: 'ignore' }).status === 0
}

/**
 * Runs this file again in its own network namespace, whose packet rules affect nothing else and end with the process.
 * Needs Linux, root, iptables and the permission to use them; otherwise it does nothing.
 *
 * @returns true if it ran
 */
export const inOwnNetwork = async (file: string): Promise<boolean> => {
  if (hasOwnNetwork || !mayDropPackets()) return false
  const script = 'ip link set lo up && exec "$0" "$1"'
  const child = spawn('unshare', ['--net', 'sh', '-c', script, process.execPath, file], {
    stdio: 'inherit',
    env: { ...process.env, [ownNetwork]: '1' },
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill(signal))
  const [code] = await once(child, 'exit')
  process.exitCode = code ?? 1
  return true
}

const setRules = (action: '-I' | '-D', links: Link[]) => {
  for (const { port } of links) {
    for (const side of ['--dport', '--sport']) {
      execFileSync('iptables', ['-w', action, 'INPUT', '-p', 'tcp', side, String(port), '-j', 'DROP'])
    }
  }
}

/** How packets are dropped, for the heading of the table. */
export const dropMethod = hasOwnNetwork ? 'packets dropped (iptables)' : 'stalled link instead of dropped packets'

/**
 * Drops every packet of these links. TCP retransmits: data arrives after the end, and new connections open late or time
 * out. Without an own network namespace the links stall instead.
 *
 * @returns stops dropping
 */
export const dropPackets = (links: Link[]): (() => void) => {
  if (!hasOwnNetwork) {
    for (const link of links) link.stall()
    return () => {
      for (const link of links) link.heal()
    }
  }
  setRules('-I', links)
  return () => setRules('-D', links)
}
