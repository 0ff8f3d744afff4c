// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// Keeps one unit in ten of what is sent.
contract FeeToken is ERC20("Fee", "FEE") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(to, address(0), value / 10);
    }
}

/// Calls back in the middle of every transfer, and remembers how that went.
contract ReentrantToken is ERC20("Reentrant", "RE") {
    address public target;
    bytes public call;
    bool public succeeded;
    bytes4 public refusal;

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function arm(address target_, bytes calldata call_) external {
        target = target_;
        call = call_;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (target == address(0)) return;
        (address armed, bytes memory data) = (target, call);
        target = address(0);
        bytes memory answer;
        (succeeded, answer) = armed.call(data);
        refusal = bytes4(answer);
    }
}
