import { createRequire } from "node:module"; const require = createRequire(import.meta.url);
import{AsyncLocalStorage as o}from"node:async_hooks";var e=new o;function u(t,r){return e.run(t,r)}function s(){return e.getStore()??(()=>{})}export{u as a,s as b};
