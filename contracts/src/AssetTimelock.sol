// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {TimelockControllerUpgradeable} from "@openzeppelin/contracts-upgradeable/governance/TimelockControllerUpgradeable.sol";

/// @title Where decided proposals wait before they take effect
/// @notice Only the governor puts something in and says how long it waits, anyone takes it out when its time has come, and
/// nobody is administrator.
contract AssetTimelock is TimelockControllerUpgradeable {
    /// Seconds that what is put in next, in this transaction, has to wait.
    uint256 private transient _nextDelay;

    constructor() {
        _disableInitializers();
    }

    /// @notice Says how long the next operation of this transaction waits: as long as proposals of its class do.
    /// @param delay Seconds.
    function setNextDelay(uint256 delay) external onlyRole(PROPOSER_ROLE) {
        _nextDelay = delay;
    }

    /// @inheritdoc TimelockControllerUpgradeable
    /// @dev For ever, until something was said: nothing gets in with a delay that its class does not have.
    function getMinDelay() public view override returns (uint256) {
        return _nextDelay != 0 ? _nextDelay : type(uint256).max;
    }
}
