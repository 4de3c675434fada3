export { default } from "./setup.cjs";
