import { findOnPath, succeeds } from './command.ts'

/** Arguments of `spawn`. */
export interface Launch {
  command: string
  args: string[]
  uid?: number
  gid?: number
  /** Additional environment variables. */
  env?: NodeJS.ProcessEnv
  /** Opens Node's IPC channel: its end tells the program that this process has ended. */
  channel?: boolean
}

/** An unprivileged account, for programs that refuse to run as root. */
export interface Account {
  uid: number
  gid: number
}

// The clone may be below a folder that the account cannot enter, such as root's home. The capability dac_override lets it
// enter; no_setuid_fixup makes that true for access(2) too, which initdb uses to find postgres.
const reachClosedFolders = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--securebits=+no_setuid_fixup']

const supported = new Map<string, boolean>()

/** True if setpriv takes these options here. Asked once: starting a process takes as long as starting some servers. */
const supports = (setpriv: string, options: string[]) => {
  const key = [setpriv, ...options].join(' ')
  const known = supported.get(key) ?? succeeds(setpriv, [...options, 'true'])
  supported.set(key, known)
  return known
}

/**
 * Wraps a command so that the kernel ends it when this process dies, and so that it runs as `account` if given. Works on
 * Linux with setpriv; elsewhere only the account is changed.
 */
export const launch = (
  command: string,
  args: string[],
  { stopSignal, account }: { stopSignal: NodeJS.Signals; account?: Account | undefined },
): Launch => {
  const setpriv = process.platform === 'linux' ? findOnPath('setpriv') : undefined
  const endWithUs = `--pdeathsig=${stopSignal.replace('SIG', '')}`
  const asAccount = account ? [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'] : []
  const fullest = [endWithUs, ...asAccount, ...(account ? reachClosedFolders : [])]
  // A container may lack the right to pass on capabilities, and an old setpriv lacks --pdeathsig.
  const options = [fullest, asAccount].find((wanted) => setpriv && supports(setpriv, wanted))
  if (setpriv && options) return { command: setpriv, args: [...options, command, ...args] }
  return { command, args, ...account }
}
