import { NotifyCode } from '@rekey/contracts'
import { PermanentError } from '@rekey/platform/consumer'
import { type MessageDeps, sendOn } from '../message.ts'
import { codeMessage } from './code.message.ts'

/** Sends confirmation codes. A code that cannot be sent is retried until it expires. */
export const sendCodes = (deps: MessageDeps) =>
  sendOn(deps, NotifyCode, async ({ challengeId, verificationCode, process, ...data }) => {
    const { sealedFields, present, now } = deps
    const expiresAt = new Date(data.expiresAt)
    if (now() >= expiresAt) throw new PermanentError('the code expired before it could be sent')
    const recipient = await sealedFields.recipient(challengeId, data.recipient)
    const code = await sealedFields.code(challengeId, data.code)
    const message = codeMessage(present(recipient), {
      purpose: process ?? data.purpose,
      code,
      verificationCode,
      expiresAt,
      now: now(),
    })
    return { recipient, message, expiresAt }
  })
