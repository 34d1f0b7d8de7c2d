// Preloaded into a process (NODE_OPTIONS=--require) that must get by without a network: every connection is refused.
const net = require('node:net')

const connect = net.Socket.prototype.connect
net.Socket.prototype.connect = function (...args) {
  const [first] = Array.isArray(args[0]) ? args[0] : args
  if (typeof first === 'object' && first !== null && first.path !== undefined) return connect.apply(this, args)
  throw new Error('this process must not use the network')
}
