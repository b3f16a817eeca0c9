import { NotifyAddressRemoved } from '@rekey/contracts'
import { type MessageDeps, sendOn } from '../message.ts'
import { addressRemovedMessage } from './address-removed.message.ts'

/** Notifies an address that it was removed from a customer, or replaced. */
export const sendAddressRemoved = (deps: MessageDeps) =>
  sendOn(deps, NotifyAddressRemoved, async (data, eventId) => {
    const { sealedFields, present } = deps
    const recipient = await sealedFields.recipient(eventId, data.recipient)
    const reportLink = await sealedFields.reportLink(eventId, data.reportLink)
    const { replacedBy } = data
    const content = { channel: recipient.channel, replacedBy, removedAt: new Date(data.removedAt), reportLink }
    return { recipient, message: addressRemovedMessage(present(recipient), content) }
  })
