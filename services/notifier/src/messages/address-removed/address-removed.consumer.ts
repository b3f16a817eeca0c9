import { NotifyAddressRemoved } from '@rekey/contracts'
import { type MessageDeps, sendOn } from '../message.ts'
import { addressRemovedMessage } from './address-removed.en.ts'

/** Notifies an address that it was removed from a customer, or replaced. */
export const sendAddressRemoved = (deps: MessageDeps) =>
  sendOn(deps, NotifyAddressRemoved, async (data, eventId) => {
    const { sealedFields, brand } = deps
    const recipient = await sealedFields.recipient(eventId, data.recipient)
    const reportLink = await sealedFields.reportLink(eventId, data.reportLink)
    const { replacedBy } = data
    const removedAt = new Date(data.removedAt)
    return { recipient, message: addressRemovedMessage({ replacedBy, removedAt, reportLink, recipient, brand }) }
  })
