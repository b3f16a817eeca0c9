import { METHODS } from 'node:http'
import type { RekeyError } from '@rekey/contracts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import findMyWay, { type HTTPMethod } from 'find-my-way'

/** A route, with what answers the errors of its scope: pages have pages for errors too. */
export interface Route {
  method: HTTPMethod
  url: string
  errorHandler: (this: void, thrown: RekeyError, request: FastifyRequest, reply: FastifyReply) => unknown
}

/** Of two patterns of a path, the one with more fixed characters is more specific. */
export const fixedIn = (url: string): number => url.replaceAll(/:\w+|\*/g, '').length

/** True if two patterns, or a pattern and a path, may have a path in common. */
const mayMeet = (one: string[], other: string[]): boolean => {
  for (let index = 0; ; index += 1) {
    const [left, right] = [one[index], other[index]]
    if (left === '*' || right === '*') return true
    if (left === undefined || right === undefined) return left === right
    if (left !== right && !left.includes(':') && !right.includes(':')) return false
  }
}

/** Keeps the routes of a server, to find the methods of a path (RFC 9110 §15.5.6). */
export const createRouteTable = () => {
  const routes = findMyWay()
  const urls = new Set<string>()
  const rivals = new Map<string, string[][]>()

  /** The more specific patterns that a path of this pattern may have too. */
  const rivalsOf = (url: string): string[][] => {
    const found =
      rivals.get(url) ??
      [...urls]
        .filter((other) => fixedIn(other) > fixedIn(url) && mayMeet(url.split('/'), other.split('/')))
        .map((other) => other.split('/'))
    rivals.set(url, found)
    return found
  }

  return {
    add(route: Route): void {
      if (!routes.hasRoute(route.method, route.url)) routes.on(route.method, route.url, () => {}, route)
      urls.add(route.url)
      rivals.clear()
    },

    /**
     * False if no pattern of the path is more specific than `url`. Each request asks: `find` costs more, a search for each
     * method.
     */
    mayHaveMoreSpecific(path: string, url: string): boolean {
      const found = rivalsOf(url)
      if (found.length === 0) return false
      const parts = path.split('/')
      // The router decodes what is fixed in a pattern.
      return path.includes('%') || found.some((pattern) => mayMeet(parts, pattern))
    },

    /** The routes of the path's most specific pattern. CORS answers OPTIONS on every path, also where nothing else is. */
    find(path: string): Route[] {
      const found = METHODS.flatMap((method) => {
        const match = routes.find(method as HTTPMethod, path)
        return match?.store ? (match.store as Route) : []
      })
      const [first] = found
        .filter(({ method }) => method !== 'OPTIONS')
        .toSorted((a, b) => fixedIn(b.url) - fixedIn(a.url))
      return first ? found.filter(({ method, url }) => url === first.url || method === 'OPTIONS') : []
    },
  }
}
