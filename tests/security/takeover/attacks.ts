import type { Rekey } from '@rekey/test-support/rekey'
import type { Way } from '../../../scripts/docs/takeover-table.ts'
import { endWaitAndRestore } from './end-wait.ts'
import { guessByResets, guessWithinLimits } from './guess.ts'
import { forge } from './redis-forger.ts'
import { replay } from './replay.ts'
import type { Stores } from './stores.ts'
import type { Loot, Thief } from './thief.ts'
import type { Victims } from './victims.ts'

export interface Scene {
  rekey: Rekey
  victims: Victims
  stores: Stores
}

/** A way to a new password. Each is tried on a customer of its own. */
export interface Attack {
  way: Way
  /** True if it uses what the customer left in the stores. */
  needsActivity?: true
  /** True if the stolen things allow it. */
  isPossible(loot: Loot): boolean
  /** Sets new passwords by `thief.setBy`; the caller signs in with them. */
  play(thief: Thief, scene: Scene): Promise<unknown>
}

const answersChallenges = ({ reads, apps, passkeys }: Loot) => reads.length + apps.length + passkeys.length > 0
const readsStores = ({ stores }: Loot) => Object.values(stores).some(Boolean)
const hasSession = ({ session, password }: Loot) => session !== undefined || password !== undefined

const changeBy = (thief: Thief, way: Way, token: string) =>
  thief.setBy(way, (password) => thief.actor.change(token, password, thief.loot.password))

const restoreBy = (thief: Thief, way: Way) => thief.setBy(way, (password) => thief.actor.restore(password))

/** Signs in with a password that must be changed, and changes it. */
const useTemporary = async (thief: Thief, way: Way, temporary: string | undefined) => {
  const token = temporary === undefined ? undefined : await thief.actor.signIn(temporary)
  if (token !== undefined) await thief.setBy(way, (password) => thief.actor.change(token, password, temporary))
}

/** Sets a temporary password as a member of staff, and signs in with it. */
const useStaffPassword = async (thief: Thief, way: Way) => {
  const temporary = 'given by one member of staff'
  await thief.act('PUT', '/password', { password: temporary, send_mail: false })
  await endHold(thief)
  await useTemporary(thief, way, temporary)
}

/** Ends the hold that a new password began. */
const endHold = ({ act }: Thief) => act('DELETE', '/hold?reason=asked')

export const attacks: readonly Attack[] = [
  {
    way: 'restore',
    isPossible: ({ reads }) => reads.length > 0,
    play: (thief) => restoreBy(thief, 'restore'),
  },
  {
    way: 'temporary',
    isPossible: ({ reads }) => reads.length > 0,
    play: async (thief) => useTemporary(thief, 'temporary', await thief.actor.temporaryPassword()),
  },
  {
    way: 'change',
    isPossible: (loot) => hasSession(loot) && answersChallenges(loot),
    async play(thief) {
      for (const token of await thief.sessions()) await changeBy(thief, 'change', token)
    },
  },
  {
    way: 'addedApp',
    isPossible: (loot) => hasSession(loot) && answersChallenges(loot),
    async play(thief) {
      for (const token of await thief.sessions()) {
        if (!(await thief.actor.addApp(token))) continue
        await changeBy(thief, 'addedApp', token)
        await restoreBy(thief, 'addedApp')
      }
    },
  },
  {
    way: 'endedWait',
    isPossible: ({ isStaff }) => isStaff,
    async play(thief, scene) {
      await thief.setBy('endedWait', (password) => endWaitAndRestore(thief, scene, password))
      await endHold(thief)
    },
  },
  {
    way: 'staffHold',
    isPossible: ({ isStaff, reads }) => isStaff && reads.length > 0,
    async play(thief) {
      await restoreBy(thief, 'staffHold')
      await endHold(thief)
    },
  },
  {
    way: 'staffReset',
    isPossible: ({ isStaff, reads }) => isStaff && reads.length > 0,
    async play(thief) {
      await thief.act('DELETE', '/factors?reason=lost')
      await restoreBy(thief, 'staffReset')
      await endHold(thief)
    },
  },
  {
    way: 'staffPassword',
    isPossible: ({ isStaff }) => isStaff,
    play: (thief) => useStaffPassword(thief, 'staffPassword'),
  },
  {
    way: 'guessed',
    isPossible: ({ guessesOnly, writesRedis }) => guessesOnly && !writesRedis,
    play: guessWithinLimits,
  },
  { way: 'replayed', needsActivity: true, isPossible: readsStores, play: replay },
  { way: 'forged', needsActivity: true, isPossible: ({ writesRedis }) => writesRedis, play: forge },
  {
    way: 'guessed',
    needsActivity: true,
    isPossible: ({ writesRedis }) => writesRedis,
    async play(thief, scene) {
      thief.begin(guessByResets(thief, scene))
      for (const token of await thief.sessions()) await changeBy(thief, 'guessed', token)
      await restoreBy(thief, 'guessed')
      if (thief.loot.isStaff) await useStaffPassword(thief, 'guessed')
    },
  },
  {
    // The last one: what gets in without a wait is worse.
    way: 'unavailable',
    isPossible: ({ reads }) => reads.length > 0,
    play: (thief) => thief.setBy('unavailable', (password) => thief.actor.waitAndRestore(password)),
  },
]
