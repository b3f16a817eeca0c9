import { timingSafeEqual } from 'node:crypto'

/** Members of staff of the sandbox, with their published passwords. Two: four eyes need a second person. */
export const demoStaff = [
  { name: 'staff-1', password: '111111' },
  { name: 'staff-2', password: '222222' },
] as const

const isEqual = (one: string, other: string): boolean =>
  Buffer.byteLength(one) === Buffer.byteLength(other) && timingSafeEqual(Buffer.from(one), Buffer.from(other))

/** The member with this name and password; undefined if there is none. */
export const findMember = (name: string, password: string) =>
  demoStaff.find((member) => member.name === name.trim() && isEqual(member.password, password))
