import { findOnPath, succeeds } from './command.ts'

/** How to start a program: handed to `spawn` as it is. */
export interface Launch {
  command: string
  args: string[]
  uid?: number
  gid?: number
  /** Further variables of its environment. */
  env?: NodeJS.ProcessEnv
  /** Opens Node's channel, whose end tells the program that we are gone. */
  channel?: boolean
}

/** An account without rights, for programs that refuse to run as root. */
export interface Account {
  uid: number
  gid: number
}

// A clone and its data may lie below a folder that is closed to the account, such as root's home. The one right that is
// left to it opens such folders, and without the fix-up it does so for access(2) too, by which initdb looks for postgres.
const reachClosedFolders = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--securebits=+no_setuid_fixup']

/**
 * Wraps a command so that the kernel ends it when this process dies, however that happens, and so that it runs as
 * `account` when one is given. Linux only; elsewhere, and without setpriv, only the account is changed.
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
  // A container may lack the rights to hand on rights, and an old setpriv the death signal.
  const options = [fullest, asAccount].find((wanted) => setpriv && succeeds(setpriv, [...wanted, 'true']))
  if (setpriv && options) return { command: setpriv, args: [...options, command, ...args] }
  return { command, args, ...account }
}
