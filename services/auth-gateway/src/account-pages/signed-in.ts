import { RekeyError } from '@rekey/contracts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Press } from '../layout/page-state.ts'
import type { Account, AccountSessions, AccountState } from './account-session.ts'
import type { Changer } from './password-change.service.ts'
import { addressOfChange } from './password-change.state.ts'
import { signInTargets } from './sign-in.template.ts'

type Work = (account: Account) => Promise<unknown>

/** One step of a signed-in customer's state. */
export type AccountStep = (state: AccountState, changer: Changer) => Promise<AccountState>

/** Runs requests of signed-in customers. Without a sign-in each leads to it. */
export const createSignedIn = (accounts: AccountSessions) => {
  const toSignIn = (request: FastifyRequest, reply: FastifyReply) => {
    const next = signInTargets.find((target) => request.url.startsWith(`/account/${target}`))
    const query = new URLSearchParams({
      ...(accounts.wasOpen(request) && { reason: 'ended' }),
      ...(next && { next }),
    })
    const address = `/account/sign-in${query.size > 0 ? `?${query}` : ''}`
    return reply.header('set-cookie', accounts.endedCookie()).redirect(address, 303)
  }

  /** Runs the work for a signed-in customer; whose session has ended meanwhile is led to the sign-in. */
  const signedIn = async (request: FastifyRequest, reply: FastifyReply, work: Work) => {
    try {
      const account = await accounts.open(request)
      return account ? await work(account) : toSignIn(request, reply)
    } catch (error) {
      if (error instanceof RekeyError && error.code === 'invalid_token') return toSignIn(request, reply)
      throw error
    }
  }

  /** As `signedIn`, for what a customer who must change the password does not get. */
  const withFullAccess = (request: FastifyRequest, reply: FastifyReply, work: Work) =>
    signedIn(request, reply, async (account) =>
      account.state.mustChange ? reply.redirect(addressOfChange(account.state.change), 303) : work(account),
    )

  /** Takes a step once a press, and leads to the address that follows. */
  const take = (
    request: FastifyRequest,
    reply: FastifyReply,
    press: Press,
    step: AccountStep,
    next: (state: AccountState) => string,
  ) =>
    signedIn(request, reply, async (account) => {
      const changer = { claims: account.claims, caller: { address: request.ip } }
      const state = await accounts.take(account, press, (state) => step(state, changer))
      return reply.redirect(next(state), 303)
    })

  return { signedIn, withFullAccess, take }
}

export type SignedIn = ReturnType<typeof createSignedIn>
