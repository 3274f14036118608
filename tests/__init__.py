"""The test suite: real servers, real files, no mocks."""
