// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {TestDollar} from "../src/TestDollar.sol";

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

/// The same, with EIP-3009.
contract FeeDollar is TestDollar(msg.sender) {
    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(to, address(0), value / 10);
    }
}

/// Calls back in the middle of every transfer, and remembers how that went.
abstract contract Reentrant {
    address public target;
    bytes public call;
    bool public succeeded;
    bytes4 public refusal;

    function arm(address target_, bytes calldata call_) external {
        target = target_;
        call = call_;
    }

    function callBack() internal {
        if (target == address(0)) return;
        (address armed, bytes memory data) = (target, call);
        target = address(0);
        bytes memory answer;
        (succeeded, answer) = armed.call(data);
        refusal = bytes4(answer);
    }
}

contract ReentrantToken is ERC20("Reentrant", "RE"), Reentrant {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        callBack();
    }
}

/// The same, with EIP-3009.
contract ReentrantDollar is TestDollar(msg.sender), Reentrant {
    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        callBack();
    }
}
