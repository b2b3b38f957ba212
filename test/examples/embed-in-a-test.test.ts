// The example is a mocha test by itself.
import '../../examples/embed-in-a-test.js';
